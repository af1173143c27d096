package stream

// What is held here:
//   - an Emit that returns nil is written on all in-sync replicas, once;
//   - an error says what is known: nothing done (ErrUnavailable, ErrOverloaded), or perhaps done (ErrOutcomeUnknown);
//   - while no broker can be reached nothing is taken, so nothing is sent late that was answered with an error long ago;
//   - a permission that is taken away is in Health until it is given again;
//   - what waits for an acknowledgement is bounded in number and in time, also when its caller has gone: nothing is sent
//     later than GiveUpAfter, however long Kafka was away.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Errors of Emit, to be compared with errors.Is.
var (
	// ErrUnavailable means that Kafka is away: nothing was handed over, and nothing will happen.
	ErrUnavailable = errors.New("kafka is unavailable")
	// ErrOutcomeUnknown means that no acknowledgement came in time: the record may be written, also later.
	ErrOutcomeUnknown = errors.New("outcome unknown")
	// ErrOverloaded means that too many records wait for their acknowledgement: nothing was handed over.
	ErrOverloaded = errors.New("too many records in flight")
)

// EmitterConfig of an Emitter.
type EmitterConfig struct {
	// Topics to which it will write, for Cluster.Allowed. Defaults to none.
	Topics []string
	// ClientID is added to the instance's name. Defaults to emitter.
	ClientID string
	// MaxInFlight is how many records may wait for their acknowledgement. Defaults to 4096.
	MaxInFlight int
	// AckTimeout is how long Emit waits for an acknowledgement. Defaults to 2.5 s.
	AckTimeout time.Duration
	// GiveUpAfter is how long a record whose outcome is unknown may still be sent. Defaults to 30 s.
	GiveUpAfter time.Duration
}

// Emitter writes records, each for itself, and waits for their acknowledgement. It may be used by any number of goroutines.
type Emitter struct {
	c     *Cluster
	cfg   EmitterConfig
	log   logrus.FieldLogger
	cl    atomic.Pointer[kgo.Client]
	slots chan struct{}
	away  atomic.Bool
	state state         // of what it may write
	doubt chan struct{} // asks watch to look
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu     sync.Mutex // of what replaces and closes cl
	closed bool
}

// How often the watch looks whether a broker answers: without a reason, and while none does.
const (
	watchInterval = 2 * time.Second
	awayInterval  = 200 * time.Millisecond
)

// NewEmitter returns an Emitter, which must be closed.
func (c *Cluster) NewEmitter(cfg EmitterConfig) (*Emitter, error) {
	cfg.ClientID = cmp.Or(cfg.ClientID, "emitter")
	cfg.MaxInFlight = cmp.Or(cfg.MaxInFlight, 4096)
	cfg.AckTimeout = cmp.Or(cfg.AckTimeout, 2500*time.Millisecond)
	cfg.GiveUpAfter = cmp.Or(cfg.GiveUpAfter, 30*time.Second)
	needed := topicAccess("Write", cfg.Topics...)
	c.need(needed)
	e := &Emitter{
		c: c, cfg: cfg, log: c.log.WithField("client", cfg.ClientID),
		slots: make(chan struct{}, cfg.MaxInFlight), doubt: make(chan struct{}, 1),
	}
	cl, err := e.newClient()
	if err != nil {
		return nil, err
	}
	e.cl.Store(cl)
	e.state.set(true, "")
	ctx, cancel := context.WithCancel(context.Background())
	e.stop = cancel
	e.ended.Go(func() { e.watch(ctx, needed) })
	return e, nil
}

func (e *Emitter) newClient() (*kgo.Client, error) {
	return e.c.newClient(e.cfg.ClientID, append(e.c.producing(), kgo.WithHooks(connections{e}))...)
}

// giveUp has another client, with another producer id, take the place of one that waits too long: an idempotent producer
// never gives up by itself what was part of a request. What else the old one waits for has an unknown outcome, too.
func (e *Emitter) giveUp(old *kgo.Client) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.cl.Load() != old {
		return
	}
	cl, err := e.newClient()
	if err != nil {
		e.log.WithError(err).Warn("records without an acknowledgement cannot be given up")
		return
	}
	e.cl.Store(cl)
	e.log.WithField("in_flight", len(e.slots)).Warn("records without an acknowledgement are given up")
	old.Close()
}

// Close waits up to AckTimeout for what is in flight.
func (e *Emitter) Close() {
	e.mu.Lock()
	e.closed = true
	cl := e.cl.Load()
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), e.cfg.AckTimeout)
	defer cancel()
	e.stop()
	e.ended.Wait()
	if err := cl.Flush(ctx); err != nil {
		e.log.WithField("in_flight", len(e.slots)).Warn("emitter closed before everything was acknowledged")
	}
	cl.Close()
}

// Emit writes one record and returns when all in-sync replicas have it, or with ErrUnavailable, ErrOverloaded or
// ErrOutcomeUnknown; any other error is the broker's refusal of this record, such as a missing permission.
// When ctx ends first the outcome is unknown. Emitting the same again writes it again.
func (e *Emitter) Emit(ctx context.Context, topic, key string, value []byte, headers map[string][]byte) error {
	return e.EmitAll(ctx, Record{topic, key, value, headers})[0]
}

// errUnanswered stands for the outcome of a record until its answer comes.
var errUnanswered = errors.New("no acknowledgement")

// EmitAll is Emit of records that leave together, which costs Kafka less. It returns the errors by the records' places.
func (e *Emitter) EmitAll(ctx context.Context, records ...Record) []error {
	errs := slices.Repeat([]error{ErrUnavailable}, len(records))
	if e.away.Load() {
		return errs
	}
	taken := e.takeSlots(len(records))
	for i := range errs {
		if errs[i] = errUnanswered; i >= taken {
			errs[i] = ErrOverloaded
		}
	}
	type answer struct {
		place int
		err   error
	}
	answers := make(chan answer, taken)
	// At the end of its context the client gives a record up only if it was never part of a request: then it can still
	// be said that nothing was done.
	life, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.AckTimeout*3/4)
	cl := e.cl.Load()
	late := time.AfterFunc(e.cfg.GiveUpAfter, func() { e.giveUp(cl) })
	var open atomic.Int64
	open.Store(int64(taken) + 1)
	closed := func() {
		if open.Add(-1) == 0 {
			late.Stop()
			cancel()
		}
	}
	for i, r := range records[:taken] {
		cl.Produce(life, r.produced(), func(_ *kgo.Record, err error) {
			<-e.slots
			answers <- answer{i, err}
			closed()
		})
	}
	closed()
	unanswered := error(nil)
	timeout := time.NewTimer(e.cfg.AckTimeout)
	defer timeout.Stop()
	for range taken {
		select {
		case a := <-answers:
			errs[a.place] = outcome(records[a.place].Topic, a.err)
			if unauthorized(a.err) && e.Health().Ready {
				e.state.set(false, fmt.Sprintf("refused by %s: %v", records[a.place].Topic, a.err))
				e.suspect()
			}
			continue
		case <-timeout.C:
			e.suspect()
			unanswered = fmt.Errorf("no acknowledgement within %v", e.cfg.AckTimeout)
		case <-ctx.Done():
			unanswered = context.Cause(ctx)
		}
		break
	}
	for i, err := range errs {
		if err == errUnanswered {
			errs[i] = fmt.Errorf("emit to %s: %w: %w", records[i].Topic, unanswered, ErrOutcomeUnknown)
		}
	}
	return errs
}

// takeSlots takes up to so many places for what is in flight, and returns how many there were.
func (e *Emitter) takeSlots(want int) (taken int) {
	for ; taken < want; taken++ {
		select {
		case e.slots <- struct{}{}:
		default:
			return taken
		}
	}
	return taken
}

// outcome says what a failed produce means. The client fails a record by itself only if no request holds it that was
// not answered; these answers, and an end of the client, leave it open.
func outcome(topic string, err error) error {
	if err == nil {
		return nil
	}
	for _, open := range []error{
		kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, kerr.OutOfOrderSequenceNumber,
		kerr.UnknownProducerID, kgo.ErrClientClosed,
	} {
		if errors.Is(err, open) {
			return fmt.Errorf("emit to %s: %w: %w", topic, err, ErrOutcomeUnknown)
		}
	}
	for _, away := range []error{context.DeadlineExceeded, kgo.ErrRecordTimeout, kgo.ErrRecordRetries} {
		if errors.Is(err, away) {
			return fmt.Errorf("emit to %s: %w: %w", topic, err, ErrUnavailable)
		}
	}
	return fmt.Errorf("emit to %s: %w", topic, err)
}

// Health says whether it may write. Whether Kafka is away it does not say.
func (e *Emitter) Health() Health { return e.state.health(0, "") }

// permitted looks, after a refusal, which permission is missing, and whether it is given again.
func (e *Emitter) permitted(ctx context.Context, needed []access) {
	before := e.Health()
	if before.Ready {
		return
	}
	missing := e.c.lacks(ctx, needed)
	if missing == nil {
		e.state.set(true, "")
		return
	}
	if why := oneLine(missing.Error()); why != before.Reason {
		e.state.set(false, why)
		e.log.Warn(why)
	}
}

// watch keeps away: it looks now and then, at once when a connection breaks, and often while no broker answers.
func (e *Emitter) watch(ctx context.Context, needed []access) {
	for {
		look, cancel := context.WithTimeout(ctx, time.Second)
		err := e.cl.Load().Ping(look)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if was := e.away.Swap(err != nil); err != nil && !was {
			e.log.WithError(err).Warn("kafka is away")
		} else if err == nil && was {
			e.log.Info("kafka is back")
		}
		if err == nil {
			e.permitted(ctx, needed)
		}
		wait := watchInterval
		if err != nil {
			wait = awayInterval
		}
		select {
		case <-ctx.Done():
			return
		case <-e.doubt:
			if !sleep(ctx, awayInterval/4) { // a broken connection brings many signs
				return
			}
		case <-time.After(wait):
		}
	}
}

// suspect asks for a look.
func (e *Emitter) suspect() { nudge(e.doubt) }

// connections are kgo's hooks that tell of broken connections.
type connections struct{ e *Emitter }

// OnBrokerConnect is called for each attempt to connect.
func (c connections) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil && !c.e.away.Load() {
		c.e.suspect()
	}
}

// OnBrokerDisconnect is called for each connection that ends.
func (c connections) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { c.e.suspect() }
