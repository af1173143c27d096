package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// ends notes the names of parts as they end.
type ends struct {
	mu    sync.Mutex
	names []string
}

func (e *ends) note(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names = append(e.names, name)
}

// of is a part that notes its end.
func (e *ends) of(in layer, name string) part {
	return part{in, name, func(ctx context.Context) error {
		<-ctx.Done()
		e.note(name)
		return nil
	}}
}

func TestRunParts_StopsEachPartAfterThoseThatUseIt(t *testing.T) {
	var e ends
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := runParts(ctx, []part{e.of(edge, "http"), e.of(base, "emitter"), e.of(core, "processor")}, time.Minute)
	if want := []string{"http", "processor", "emitter"}; err != nil || !slices.Equal(e.names, want) {
		t.Errorf("ended in the order %v, %v; want %v", e.names, err, want)
	}
}

func TestRunParts_WhenAPartFails_StopsTheOthersAndNamesIt(t *testing.T) {
	var e ends
	broken := errors.New("broken")
	err := runParts(t.Context(), []part{
		e.of(base, "emitter"),
		{edge, "http", func(context.Context) error { return broken }},
	}, time.Minute)
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "http: ") || !slices.Equal(e.names, []string{"emitter"}) {
		t.Errorf("error %v, ended %v", err, e.names)
	}
}

func TestRunParts_OfOneLayer_AreGivenUpTogetherWhenTheyAreLate(t *testing.T) {
	var e ends
	hold := make(chan struct{})
	var stopping sync.WaitGroup
	late := func(in layer, name string) part {
		stopping.Add(1)
		return part{in, name, func(ctx context.Context) error {
			<-ctx.Done()
			stopping.Done()
			<-hold
			return nil
		}}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := runParts(ctx, []part{late(edge, "http"), late(edge, "sender"), e.of(edge, "welcome"), late(base, "emitter")}, 50*time.Millisecond)
	for _, name := range []string{"http", "sender", "emitter"} {
		if err == nil || !strings.Contains(err.Error(), name+" did not stop in time") {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "welcome") {
		t.Errorf("the error names who stopped: %v", err)
	}
	stopping.Wait() // each was asked
	close(hold)
}
