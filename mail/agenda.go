// Rules of the agenda:
//   - new mails go first, in the order of their events; retries only when no new mail waits;
//   - a mail whose deadline has passed is not sent but expires, and that before anything else;
//   - a mail is in it only while nobody works on it.

package mail

import (
	"container/heap"
	"time"
)

// entry is a mail as the sender follows it.
type entry struct {
	mail      Mail
	partition int32
	address   string // the row's
	// phase is where the entry is between the row it came from and the result that changes the row.
	phase phase
	// attempt is the one reported, in phase reported.
	attempt int
	// deferred holds the mail back here, beyond its NotBefore, where its last conversation found the relay ill.
	deferred time.Time
	// gone means that the row is not ours any more, or holds the mail no more.
	gone bool

	// Positions in the agenda's heaps, from 1; 0 where the entry is in none.
	ready, waiting, expiring int
}

type phase int

const (
	// planned: in the agenda.
	planned phase = iota
	// held: only its expiry is in the agenda.
	held
	// underWay: a courier has it.
	underWay
	// reported: its result is known to the outbox, or soon; the row comes back with what is next.
	reported
)

// agenda says which mail is next. It is not safe for concurrent use.
type agenda struct {
	ready, waiting, expiring timeline
}

func newAgenda() *agenda {
	return &agenda{
		ready: timeline{
			position: func(e *entry) *int { return &e.ready },
			before: func(a, b *entry) bool {
				if first, second := a.mail.Attempts > 0, b.mail.Attempts > 0; first != second {
					return second
				}
				return a.mail.OccurredAt.Before(b.mail.OccurredAt)
			},
		},
		waiting: timeline{
			position: func(e *entry) *int { return &e.waiting },
			before:   func(a, b *entry) bool { return a.notBefore().Before(b.notBefore()) },
		},
		expiring: timeline{
			position: func(e *entry) *int { return &e.expiring },
			before:   func(a, b *entry) bool { return a.mail.Deadline().Before(b.mail.Deadline()) },
		},
	}
}

func (e *entry) notBefore() time.Time {
	if e.deferred.After(e.mail.NotBefore) {
		return e.deferred
	}
	return e.mail.NotBefore
}

// plan puts an entry in, for its expiry alone where it is held.
func (a *agenda) plan(e *entry) {
	heap.Push(&a.expiring, e)
	if e.phase == planned {
		heap.Push(&a.waiting, e)
	}
}

// drop takes an entry out, wherever it is.
func (a *agenda) drop(e *entry) {
	for _, t := range []*timeline{&a.ready, &a.waiting, &a.expiring} {
		if i := *t.position(e); i > 0 {
			heap.Remove(t, i-1)
		}
	}
}

// next is what to work on now: a mail that has expired, else, where sending is permitted, one to send. Without either,
// it is when to look again; the zero time is never.
func (a *agenda) next(now time.Time, permitted bool) (e *entry, expired bool, again time.Time) {
	for e := a.waiting.first(); e != nil && !e.notBefore().After(now); e = a.waiting.first() {
		heap.Pop(&a.waiting)
		heap.Push(&a.ready, e)
	}
	if e := a.expiring.first(); e != nil {
		if !e.mail.Deadline().After(now) {
			return e, true, time.Time{}
		}
		again = e.mail.Deadline()
	}
	if e := a.ready.first(); e != nil && permitted {
		return e, false, time.Time{}
	}
	if e := a.waiting.first(); e != nil && e.notBefore().Before(again) {
		again = e.notBefore()
	}
	return nil, false, again
}

// timeline is a heap whose entries know their positions, so each can be taken out.
type timeline struct {
	entries  []*entry
	before   func(a, b *entry) bool
	position func(*entry) *int
}

func (t *timeline) first() *entry {
	if len(t.entries) == 0 {
		return nil
	}
	return t.entries[0]
}

func (t *timeline) Len() int           { return len(t.entries) }
func (t *timeline) Less(i, j int) bool { return t.before(t.entries[i], t.entries[j]) }

func (t *timeline) Swap(i, j int) {
	t.entries[i], t.entries[j] = t.entries[j], t.entries[i]
	*t.position(t.entries[i]), *t.position(t.entries[j]) = i+1, j+1
}

func (t *timeline) Push(x any) {
	e := x.(*entry)
	t.entries = append(t.entries, e)
	*t.position(e) = len(t.entries)
}

func (t *timeline) Pop() any {
	last := len(t.entries) - 1
	e := t.entries[last]
	t.entries[last] = nil
	t.entries = t.entries[:last]
	*t.position(e) = 0
	return e
}
