// Rules of the sender:
//   - it knows only committed rows: what Assign and Update brought;
//   - a mail under way is not started again by its row coming again; once its result is reported it waits for the row to
//     come with the change. A report that fails is repeated, the mail never;
//   - a connection does not wait for the acknowledgement of its last result, but no more mails are under way, results
//     included, than eight a connection: so many may be mailed once more when the process dies;
//   - Revoke hands out nothing new, and returns when nothing of the partition is under way and its results are acknowledged;
//   - a mail whose letter cannot be made (a secret that is not here) is held, and the sender is not ready.

package mail

import (
	"context"
	"errors"
	"iter"
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
	// Report returns once the result is written for good, or ctx has ended. It may be called by several goroutines at once,
	// and again with the same result after an error.
	Report func(ctx context.Context, d Delivery) error
	// Pool is the number of connections to the relay; mails to one domain have a quarter of them, rounded up. Defaults to 16.
	Pool int
	// Rate is how many mails a second are begun at most, over all connections. Defaults to any number.
	Rate float64
	// RevokeTimeout bounds Revoke: three quarters for conversations to end, the rest for their results to be reported.
	// Defaults to 8 s.
	RevokeTimeout time.Duration
	// StopTimeout bounds the end of Run in the same way; goodbyes to the relay may take 1 s more. Defaults to 2 s: who
	// stops a process waits for it, and the next owner sends what was called off.
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
	// reports are under way without their workers; results waits for whoever has nothing to report.
	reports sync.WaitGroup
	results chan result

	mu       sync.Mutex
	rows     map[int32]map[string][]*entry
	agenda   *agenda
	underWay map[*job]struct{}
	// held are the mails without a letter, and why.
	held    map[*entry]error
	relay   breaker
	pace    pace
	stopped bool
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
		cfg.StopTimeout = 2 * time.Second
	}
	if cfg.RelayRest == 0 {
		cfg.RelayRest = time.Second
	}
	s := &Sender{
		cfg:      cfg,
		work:     make(chan struct{}),
		changed:  make(chan struct{}, 1),
		results:  make(chan result),
		rows:     make(map[int32]map[string][]*entry),
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
	s.rows[partition] = make(map[string][]*entry)
	for address, o := range waiting {
		s.update(partition, address, o)
	}
	s.wake()
}

// Update takes a row as it was committed. Of a partition that is not assigned it takes none.
func (s *Sender) Update(partition int32, address string, o Outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows[partition] != nil {
		s.update(partition, address, o)
		s.wake()
	}
}

func (s *Sender) update(partition int32, address string, o Outbox) {
	known := make(map[string]*entry)
	for _, e := range s.rows[partition][address] {
		known[e.mail.ID] = e
	}
	var row []*entry
	for _, m := range o.Mails {
		e := known[m.ID]
		delete(known, m.ID)
		switch {
		case e == nil:
			e = &entry{mail: m, partition: partition, address: address}
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
		s.leave(e)
		e.gone = true
		if e.phase == underWay {
			row = append(row, e) // It may be asked for again before its result is known.
		}
	}
	s.set(partition, address, row)
}

// set makes row what is followed of an address.
func (s *Sender) set(partition int32, address string, row []*entry) {
	if len(row) == 0 {
		delete(s.rows[partition], address)
	} else {
		s.rows[partition][address] = row
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

// Revoke gives a partition up. It returns when nothing of it is under way any more, within RevokeTimeout.
func (s *Sender) Revoke(partition int32) {
	s.mu.Lock()
	var busy []*job
	for _, row := range s.rows[partition] {
		for _, e := range row {
			s.leave(e)
			e.gone = true
		}
	}
	delete(s.rows, partition)
	for j := range s.underWay {
		if j.entry.partition == partition {
			busy = append(busy, j)
		}
	}
	s.mu.Unlock()
	await(busy, s.cfg.RevokeTimeout)
}

// await waits for conversations to end and their results to be reported, and ends them where they take too long.
func await(busy []*job, timeout time.Duration) {
	abort := time.AfterFunc(timeout*3/4, func() {
		for _, j := range busy {
			j.abort()
		}
	})
	defer abort.Stop()
	abandon := time.AfterFunc(timeout, func() {
		for _, j := range busy {
			j.abandon()
		}
	})
	defer abandon.Stop()
	for _, j := range busy {
		<-j.done
	}
}

// Run sends until ctx ends; then it hands out nothing new and returns when nothing is under way, within StopTimeout.
// What is assigned, updated or revoked after that is taken note of, and nothing of it is sent.
func (s *Sender) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range s.cfg.Pool {
		workers.Go(s.works)
	}
	s.handOut(ctx)
	s.mu.Lock()
	s.stopped = true
	var busy []*job
	for j := range s.underWay {
		busy = append(busy, j)
	}
	s.mu.Unlock()
	close(s.work)
	await(busy, s.cfg.StopTimeout)
	workers.Wait()
	close(s.results)
	s.reports.Wait()
	return nil
}

// wake makes handOut look at the agenda again.
func (s *Sender) wake() {
	select {
	case s.changed <- struct{}{}:
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
	idle := time.NewTimer(longestIdle)
	defer idle.Stop()
	for {
		select {
		case _, open := <-s.work:
			if !open {
				return
			}
			for j := s.take(); j != nil; j = s.take() {
				s.handle(c, j)
			}
			idle.Reset(longestIdle)
		case <-idle.C:
			c.close()
		}
	}
}
