// Rules of the sender:
//   - it knows only committed rows: what Assign and Update brought;
//   - a mail under way is not started again by its row coming again; once its result is reported it waits for the row to
//     come with the change. A report that fails is repeated, the mail never;
//   - a connection does not wait for the acknowledgement of its last result, but no more mails are under way, results
//     included, than eight a connection: so many may be mailed once more when the process dies;
//   - Revoke hands out nothing new, and returns when nothing of the partition is under way and its results are acknowledged; so
//     does the end of Run, of all partitions. Both call off what does not come to its content soon: that costs nothing, but
//     what the relay has and does not answer yet has the time there is;
//   - a mail whose letter cannot be made (a secret that is not here) is held, and the sender is not ready.

package mail

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
)

// mostUnderWay is how many mails for each connection may be in a conversation or have a result that is being reported.
const mostUnderWay = 8

// SenderConfig says where a sender's letters come from and where its results go.
type SenderConfig struct {
	Relay    *Relay
	Composer *Composer
	// Letters makes code and link of a mail. On an error, which must hold no secret, the mail is held until it expires
	// or its row changes; no other letter is sent in its place.
	Letters func(Mail) (Letter, error)
	// Report writes results and returns, once each is written for good or failed, why, by their places: nil for one that is
	// written. Nil for all of them will do. When ctx ends it returns at once. It is called again with what failed.
	Report func(ctx context.Context, all []Delivery) []error
	// Pool is the number of connections to the relay; mails to one domain have a quarter of them, rounded up. Defaults to 16.
	Pool int
	// Rate is how many mails a second are begun at most, over all connections. Defaults to any number.
	Rate float64
	// RevokeTimeout bounds Revoke: conversations come to their contents in its first sixteenth, the relay answers those in its
	// first three quarters, the rest is for results to be reported. Defaults to 8 s.
	RevokeTimeout time.Duration
	// StopTimeout bounds the end of Run in the same way; goodbyes to the relay may take 1 s more. Defaults to RevokeTimeout.
	StopTimeout time.Duration
	// RelayRest is how long an ill relay is left alone at first; it doubles up to 16 times as long. Defaults to 1 s.
	RelayRest time.Duration
	// Registry takes the metrics. Defaults to none.
	Registry prometheus.Registerer
	Log      logrus.FieldLogger
}

// Sender sends the mails of the rows it is given.
type Sender struct {
	cfg     SenderConfig
	metrics *metrics
	// work hands a worker the word that there is something to take; changed wakes who hands it out.
	work    chan struct{}
	changed chan struct{}
	// toReport asks for results to be reported, enough for that not to be put off.
	toReport, enough chan struct{}

	mu       sync.Mutex
	assigned map[int32]*assignment
	agenda   *agenda
	underWay map[*job]struct{}
	// conversing is how many of those speak with the relay.
	conversing int
	// results are to be reported; last means that no more will be.
	results []result
	last    bool
	// held are the mails without a letter, and why.
	held  map[*entry]error
	relay breaker
	pace  pace
	// stopped means that nothing is handed out any more; idle is closed when nothing is under way then.
	stopped bool
	idle    chan struct{}
}

// assignment is a partition from Assign to Revoke.
type assignment struct {
	rows map[string][]*entry // by address
	// underWay counts its mails that are. Once it is revoked, idle is closed when none is.
	underWay int
	idle     chan struct{}
}

// NewSender makes a sender. It sends nothing before Run.
func NewSender(cfg SenderConfig) (*Sender, error) {
	if cfg.Relay == nil || cfg.Composer == nil || cfg.Letters == nil || cfg.Report == nil || cfg.Log == nil {
		return nil, errors.New("a mail sender needs a relay, a composer, letters, a report and a log")
	}
	if cfg.Pool == 0 {
		cfg.Pool = 16
	}
	if cfg.RevokeTimeout == 0 {
		cfg.RevokeTimeout = 8 * time.Second
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = cfg.RevokeTimeout
	}
	if cfg.RelayRest == 0 {
		cfg.RelayRest = time.Second
	}
	s := &Sender{
		cfg:      cfg,
		work:     make(chan struct{}),
		changed:  make(chan struct{}, 1),
		toReport: make(chan struct{}, 1),
		enough:   make(chan struct{}, 1),
		assigned: make(map[int32]*assignment),
		agenda:   newAgenda((cfg.Pool + 3) / 4),
		underWay: make(map[*job]struct{}),
		held:     make(map[*entry]error),
		relay:    breaker{rest: cfg.RelayRest},
		pace:     newPace(cfg.Rate),
		metrics:  newMetrics(),
	}
	return s, s.measure()
}

// Assign takes over a partition with its committed rows. One that is assigned already is revoked first.
func (s *Sender) Assign(partition int32, rows iter.Seq2[string, Outbox]) {
	s.Revoke(partition)
	waiting := make(map[string]Outbox)
	for address, o := range rows {
		if len(o.Mails) > 0 {
			waiting[address] = o
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &assignment{rows: make(map[string][]*entry)}
	s.assigned[partition] = a
	for address, o := range waiting {
		s.update(a, address, o)
	}
	s.wake()
}

// Update takes a row as it was committed. Of a partition that is not assigned it takes none.
func (s *Sender) Update(partition int32, address string, o Outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.assigned[partition]; a != nil {
		s.update(a, address, o)
		s.wake()
	}
}

func (s *Sender) update(a *assignment, address string, o Outbox) {
	known := a.rows[address]
	var row []*entry
	for _, m := range o.Mails {
		var e *entry
		if i := slices.IndexFunc(known, func(e *entry) bool { return e.mail.ID == m.ID }); i >= 0 {
			e = known[i]
		}
		switch {
		case e == nil:
			e = &entry{mail: m, of: a, address: address}
			s.agenda.plan(e)
		case e.phase == underWay:
			e.mail, e.gone = m, false
		case e.phase == reported && m.Attempts < e.attempt && m.Retries == e.mail.Retries:
		default:
			s.leave(e)
			e.mail = m
			s.plan(e)
		}
		row = append(row, e)
	}
	for _, e := range known {
		if slices.Contains(row, e) {
			continue
		}
		s.leave(e)
		e.gone = true
		if e.phase == underWay {
			row = append(row, e) // It may be asked for again before its result is known.
		}
	}
	a.set(address, row)
}

// set makes row what is followed of an address.
func (a *assignment) set(address string, row []*entry) {
	if len(row) == 0 {
		delete(a.rows, address)
	} else {
		a.rows[address] = row
	}
}

// plan puts an entry on the agenda to be sent.
func (s *Sender) plan(e *entry) {
	e.phase = planned
	s.agenda.plan(e)
}

// leave takes an entry out of everything that would begin work on it.
func (s *Sender) leave(e *entry) {
	s.agenda.drop(e)
	delete(s.held, e)
}

// Revoke gives a partition up. It returns when nothing of it is under way any more, or after RevokeTimeout.
func (s *Sender) Revoke(partition int32) {
	s.mu.Lock()
	a := s.assigned[partition]
	if a == nil {
		s.mu.Unlock()
		return
	}
	delete(s.assigned, partition)
	for _, row := range a.rows {
		for _, e := range row {
			s.leave(e)
			e.gone = true
		}
	}
	a.idle = make(chan struct{})
	if a.underWay == 0 {
		close(a.idle)
	}
	var busy []*job
	for j := range s.underWay {
		if j.entry.of == a {
			busy = append(busy, j)
		}
	}
	s.mu.Unlock()
	await(a.idle, busy, s.cfg.RevokeTimeout)
}

// await returns when nothing is under way, or after timeout. Meanwhile it calls off what does not come to its content soon,
// and cuts what the relay does not answer.
func await(idle <-chan struct{}, busy []*job, timeout time.Duration) {
	begun := time.Now()
	for _, step := range [...]struct {
		after time.Duration
		do    func(*recall)
	}{{timeout / 16, (*recall).callOff}, {timeout * 3 / 4, (*recall).cut}, {timeout, (*recall).cut}} {
		select {
		case <-idle:
			return
		case <-time.After(time.Until(begun.Add(step.after))):
		}
		for _, j := range busy {
			step.do(&j.recall)
		}
	}
}

// Run sends until ctx ends; then it hands out nothing new and returns when nothing is under way, within StopTimeout.
// What is assigned, updated or revoked after that is taken note of, and nothing of it is sent.
func (s *Sender) Run(ctx context.Context) error {
	reporting, endReports := context.WithCancel(context.Background())
	defer endReports()
	var workers, reports sync.WaitGroup
	reports.Go(func() { s.reports(reporting) })
	for range s.cfg.Pool {
		workers.Go(s.works)
	}
	s.handOut(ctx)
	s.mu.Lock()
	s.stopped, s.idle = true, make(chan struct{})
	if len(s.underWay) == 0 {
		close(s.idle)
	}
	busy := slices.Collect(maps.Keys(s.underWay))
	s.mu.Unlock()
	close(s.work)
	await(s.idle, busy, s.cfg.StopTimeout)
	endReports()
	workers.Wait()
	s.mu.Lock()
	s.last = true
	s.mu.Unlock()
	s.ask()
	reports.Wait()
	return nil
}

// wake makes handOut look at the agenda again.
func (s *Sender) wake() { nudge(s.changed) }

// nudge has whoever waits for the channel look, now or when it is back.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// permits tells whether a mail may be sent now.
func (s *Sender) permits(now time.Time) bool { return s.relay.permits(now) && s.pace.permits(now) }

// next is the agenda's, as long as there are not too many under way.
func (s *Sender) next(now time.Time) (e *entry, expired bool, again time.Time) {
	if len(s.underWay) >= mostUnderWay*s.cfg.Pool {
		return nil, false, time.Time{}
	}
	return s.agenda.next(now, s.permits(now))
}

// handOut tells a worker whenever there is something to take.
func (s *Sender) handOut(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var work chan<- struct{}
		s.mu.Lock()
		now := time.Now()
		e, _, again := s.next(now)
		for _, pause := range []time.Time{s.relay.next, s.pace.next} {
			if pause.After(now) && (again.IsZero() || pause.Before(again)) {
				again = pause
			}
		}
		s.mu.Unlock()
		if e != nil {
			work = s.work
		}
		var alarm <-chan time.Time
		if !again.IsZero() {
			timer.Reset(time.Until(again))
			alarm = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case work <- struct{}{}:
		case <-alarm:
		case <-s.changed:
		}
	}
}

// works is one worker: it has a courier of its own.
func (s *Sender) works() {
	c := &courier{relay: s.cfg.Relay, open: s.metrics.open}
	defer c.close()
	idle := time.NewTimer(s.cfg.Relay.idleTimeout)
	defer idle.Stop()
	for {
		select {
		case _, open := <-s.work:
			if !open {
				return
			}
			for j := s.take(); j != nil; j = s.take() {
				s.handle(c, j)
				idle.Reset(s.cfg.Relay.idleTimeout)
			}
		case <-idle.C:
			c.close()
		}
	}
}
