package stream

import (
	"cmp"
	"sync"
	"time"
)

// Health of a processor or a view.
type Health struct {
	// Ready says that a processor is a member of its group with its tables recovered (it may have no partition), or
	// that a view has been recovered.
	Ready bool
	// Reason is what is missing, or the error that ended the last life. Of who is ready it is a permission that was taken
	// away.
	Reason string
	// Since is when Ready last changed.
	Since time.Time
	// Behind is how long ago the topics already reached what is not processed yet; while a processor is not ready, at
	// least how long it is not. 0: nothing waits.
	Behind time.Duration
}

// state is the part of Health that changes by events.
type state struct {
	mu    sync.Mutex
	ready bool
	why   string
	since time.Time
}

func (s *state) set(ready bool, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() || s.ready != ready {
		s.since = time.Now()
	}
	s.ready, s.why = ready, why
}

// health is the state of who is behind and perhaps lacks a permission.
func (s *state) health(behind time.Duration, lacks string) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready && !s.since.IsZero() {
		behind = max(behind, time.Since(s.since))
	}
	return Health{Ready: s.ready, Reason: cmp.Or(lacks, s.why), Since: s.since, Behind: behind}
}
