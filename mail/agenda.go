// Rules of the agenda:
//   - new mails go first, in the order of their events; retries, and what found the relay ill, only when no new mail may go;
//   - of one domain of recipients no more than a share are under way at the same time: one that is slow or dead leaves the
//     others the rest, and its mails wait without anybody looking at them;
//   - a mail whose deadline has passed is not sent but expires, and that before anything else;
//   - a mail is in it only while nobody works on it.

package mail

import (
	"container/heap"
	"strings"
	"time"
)

// entry is a mail as the sender follows it.
type entry struct {
	mail    Mail
	of      *assignment
	address string // the row's
	// phase is where the entry is between the row it came from and the result that changes the row.
	phase phase
	// attempt is the one reported, in phase reported.
	attempt int
	// deferred holds the mail back here, beyond its NotBefore, where its last conversation found the relay ill; deferrals
	// is how often that was.
	deferred  time.Time
	deferrals int
	// deadline and occurred are the mail's, since it was planned, in microseconds since 1970: they are compared again and again.
	deadline, occurred int64
	// gone means that the row is not ours any more, or holds the mail no more.
	gone bool

	// Positions in the heaps that it is in, from 1; 0 where it is in none.
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
	// share is how many mails to one domain may be under way.
	share             int
	waiting, expiring queue[*entry]
	// lanes hold what is ready, each for one domain; open are those from which one may be taken.
	lanes map[string]*lane
	open  queue[*lane]
}

// lane is the mails to one domain.
type lane struct {
	domain   string
	ready    queue[*entry]
	underWay int
	open     int // its position in agenda.open
}

func newAgenda(share int) *agenda {
	return &agenda{
		share: share,
		waiting: queue[*entry]{
			position: func(e *entry) *int { return &e.waiting },
			before:   func(a, b *entry) bool { return a.notBefore().Before(b.notBefore()) },
		},
		expiring: queue[*entry]{
			position: func(e *entry) *int { return &e.expiring },
			before:   func(a, b *entry) bool { return a.deadline < b.deadline },
		},
		lanes: map[string]*lane{},
		open: queue[*lane]{
			position: func(l *lane) *int { return &l.open },
			before:   func(a, b *lane) bool { return sooner(a.ready.items[0], b.ready.items[0]) },
		},
	}
}

// sooner says which of two mails that are ready goes first.
func sooner(a, b *entry) bool {
	if first, second := a.tried(), b.tried(); first != second {
		return second
	}
	return a.occurred < b.occurred
}

// tried says whether there was a conversation about the mail already, whatever came of it.
func (e *entry) tried() bool { return e.mail.Attempts > 0 || e.deferrals > 0 }

// putOff holds the mail back, twice as long each time, up to 16 times as long as at first, but for no more than half of the
// time it has left: the relay may be well again long before.
func (e *entry) putOff(now time.Time, first time.Duration) {
	left := e.mail.Deadline().Sub(now)
	e.deferred = now.Add(max(first, min(first<<min(e.deferrals, 4), left/2)))
	e.deferrals++
}

func (e *entry) notBefore() time.Time {
	if e.deferred.After(e.mail.NotBefore) {
		return e.deferred
	}
	return e.mail.NotBefore
}

// plan puts an entry in, for its expiry alone where it is held.
func (a *agenda) plan(e *entry) {
	e.deadline, e.occurred = e.mail.Deadline().UnixMicro(), e.mail.OccurredAt.UnixMicro()
	heap.Push(&a.expiring, e)
	switch {
	case e.phase != planned:
	case e.notBefore().IsZero():
		a.enter(e)
	default:
		heap.Push(&a.waiting, e)
	}
}

// enter puts an entry in its lane.
func (a *agenda) enter(e *entry) {
	l := a.lane(e.mail.To)
	heap.Push(&l.ready, e)
	a.settle(l)
}

// oldest is the one that has waited longest for its first attempt, held ones included; nil if none waits for that. It looks
// at all of them.
func (a *agenda) oldest() (first *entry) {
	for _, e := range a.expiring.items {
		if e.mail.Attempts == 0 && (first == nil || e.occurred < first.occurred) {
			first = e
		}
	}
	return first
}

// drop takes an entry out, wherever it is.
func (a *agenda) drop(e *entry) {
	if l := a.remove(e); l != nil {
		a.settle(l)
	}
}

// begin takes an entry that is ready out because its mail is under way, until the lane it returns is given to end.
func (a *agenda) begin(e *entry) *lane {
	l := a.remove(e)
	l.underWay++
	a.settle(l)
	return l
}

// remove takes an entry out, and returns the lane in which it was, if it was in one.
func (a *agenda) remove(e *entry) *lane {
	a.waiting.remove(e)
	a.expiring.remove(e)
	if e.ready == 0 {
		return nil
	}
	l := a.lane(e.mail.To)
	l.ready.remove(e)
	return l
}

// end says that a mail of the lane is not under way any more.
func (a *agenda) end(l *lane) {
	l.underWay--
	a.settle(l)
}

// lane is that of an address.
func (a *agenda) lane(address string) *lane {
	domain := strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
	l := a.lanes[domain]
	if l == nil {
		l = &lane{domain: domain, ready: queue[*entry]{position: func(e *entry) *int { return &e.ready }, before: sooner}}
		a.lanes[domain] = l
	}
	return l
}

// settle puts a lane that changed where it belongs.
func (a *agenda) settle(l *lane) {
	switch open := l.ready.Len() > 0 && l.underWay < a.share; {
	case open && l.open > 0:
		heap.Fix(&a.open, l.open-1)
	case open:
		heap.Push(&a.open, l)
	default:
		a.open.remove(l)
		if l.ready.Len() == 0 && l.underWay == 0 {
			delete(a.lanes, l.domain)
		}
	}
}

// next is what to work on now: a mail that has expired, else, where sending is permitted, one to send. Without either,
// it is when to look again; the zero time is never.
func (a *agenda) next(now time.Time, permitted bool) (e *entry, expired bool, again time.Time) {
	for a.waiting.Len() > 0 && !a.waiting.items[0].notBefore().After(now) {
		a.enter(heap.Pop(&a.waiting).(*entry))
	}
	if a.expiring.Len() > 0 {
		e := a.expiring.items[0]
		if e.deadline <= now.UnixMicro() {
			return e, true, time.Time{}
		}
		again = time.UnixMicro(e.deadline)
	}
	if a.open.Len() > 0 && permitted {
		return a.open.items[0].ready.items[0], false, time.Time{}
	}
	if a.waiting.Len() > 0 && a.waiting.items[0].notBefore().Before(again) {
		again = a.waiting.items[0].notBefore()
	}
	return nil, false, again
}

// queue is a heap whose items know their positions, so each can be taken out.
type queue[T any] struct {
	items    []T
	before   func(a, b T) bool
	position func(T) *int
}

// remove takes an item out, if it is in.
func (q *queue[T]) remove(item T) {
	if i := *q.position(item); i > 0 {
		heap.Remove(q, i-1)
	}
}

func (q *queue[T]) Len() int           { return len(q.items) }
func (q *queue[T]) Less(i, j int) bool { return q.before(q.items[i], q.items[j]) }

func (q *queue[T]) Swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	*q.position(q.items[i]), *q.position(q.items[j]) = i+1, j+1
}

func (q *queue[T]) Push(x any) {
	item := x.(T)
	q.items = append(q.items, item)
	*q.position(item) = len(q.items)
}

func (q *queue[T]) Pop() any {
	last := len(q.items) - 1
	item := q.items[last]
	q.items[last] = *new(T)
	q.items = q.items[:last]
	*q.position(item) = 0
	return item
}
