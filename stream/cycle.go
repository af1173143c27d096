package stream

// What is held here:
//   - a cycle ends only when nothing is under way: every record handed over is finished, every emit acknowledged, every
//     local write followed by its emit;
//   - nothing may be written while a cycle ends: it would fall between two of them;
//   - after the first failure no cycle is committed any more;
//   - what one callback emits leaves in one request: the clients do not send by themselves, one goroutine flushes. A cycle
//     that lingers sends what all callbacks emit together.

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// errEnded is why nothing can be emitted after a life.
var errEnded = errors.New("the processor has ended")

// cycle counts what is under way between two commits of a life.
type cycle struct {
	table  string        // of the group; a local write is followed by an emit to it
	linger time.Duration // see ProcessorConfig

	mu      sync.Mutex
	ended   *sync.Cond // an end is over
	wake    func()     // asks the session to look
	lanes   []*lane
	turn    int       // the lane of this cycle
	since   time.Time // of the first record that was handed over, or row or record that was written
	begun   bool      // something was emitted
	ending  bool
	unsent  bool // something was emitted since the last flush began
	flushes bool // flush runs
	leaving bool // the first flush has begun
	records int  // handed over and not finished
	calls   int  // of callbacks that have not returned
	emits   int  // not acknowledged
	holds   int  // local writes whose emit is still to come
	err     error
	flusher sync.WaitGroup
	called  chan struct{} // the last of the calls has returned
	closing sync.Once
}

func newCycle(table string, linger time.Duration, lanes []*lane) *cycle {
	y := &cycle{table: table, linger: linger, lanes: lanes, wake: func() {}, called: make(chan struct{}, 1)}
	y.ended = sync.NewCond(&y.mu)
	return y
}

// wakes sets whom to ask to look.
func (y *cycle) wakes(wake func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.wake = wake
}

// enter waits for the end of a commit and makes sure that something may be written; y.mu is held.
func (y *cycle) enter() error {
	for y.ending {
		y.ended.Wait()
	}
	if y.err == nil && len(y.lanes) == 0 {
		y.err = errEnded
	}
	y.begin()
	if y.err == nil && !y.begun {
		y.err = y.lanes[y.turn].begin()
		y.begun = y.err == nil
	}
	return y.err
}

// hold announces the emit of a row that was written locally.
func (y *cycle) hold() error {
	y.mu.Lock()
	defer y.mu.Unlock()
	err := y.enter()
	if err == nil {
		y.holds++
	}
	return err
}

// hand counts records that are about to be handed over; a callback will be called for each.
func (y *cycle) hand(records int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.records += records
	y.calls += records
	y.begin()
}

// begin notes when the cycle began; y.mu is held.
func (y *cycle) begin() {
	if y.since.IsZero() {
		y.since = time.Now()
	}
}

// returned counts one callback that has emitted all it will.
func (y *cycle) returned() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.calls--
	if y.calls == 0 {
		nudge(y.called)
	}
}

// hurry lets what was emitted leave without waiting for callbacks: those of a session that is over may never come.
func (y *cycle) hurry() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.calls = 0
	nudge(y.called)
}

// finish counts one finished record.
func (y *cycle) finish() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.records--
	if y.records == 0 {
		y.wake()
	}
}

// forget takes records out of the count that will not be finished any more.
func (y *cycle) forget(records int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.records -= records
}

// fail notes the first failure.
func (y *cycle) fail(err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.err == nil {
		y.err = err
	}
	y.wake()
}

// failure is the first failure.
func (y *cycle) failure() error {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.err
}

// settled says whether nothing is under way, and whether something was emitted.
func (y *cycle) settled() (settled, begun bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.quiet(), y.begun
}

// leaves says whether a cycle takes no more records because something of it has left.
func (y *cycle) leaves() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.leaving && y.linger > 0
}

// quiet is settled; y.mu is held.
func (y *cycle) quiet() bool { return y.records == 0 && y.emits == 0 && y.holds == 0 }

// end ends the cycle through commit, which is told the lane, whether it was used and since when. False: something began meanwhile,
// or failed before. A failure of commit is the cycle's.
func (y *cycle) end(commit func(on *lane, begun bool, since time.Time) error) bool {
	y.mu.Lock()
	if y.err != nil || !y.quiet() || len(y.lanes) == 0 {
		y.mu.Unlock()
		return false
	}
	y.ending = true
	on, begun, since := y.lanes[y.turn], y.begun, y.since
	y.mu.Unlock()
	err := commit(on, begun, since)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.ending, y.leaving, y.since, y.calls = false, false, time.Time{}, 0
	if begun {
		y.begun = false
		y.turn = (y.turn + 1) % max(1, len(y.lanes))
	}
	if err != nil && y.err == nil {
		y.err = err
	}
	y.ended.Broadcast()
	return err == nil
}

// emit sends a record in the open cycle.
func (y *cycle) emit(record *kgo.Record, done func(*kgo.Record, error)) {
	y.mu.Lock()
	err := y.enter()
	if record.Topic == y.table && y.holds > 0 {
		y.holds--
	}
	if err != nil {
		y.mu.Unlock()
		done(record, err)
		return
	}
	y.emits++
	on := y.lanes[y.turn]
	y.mu.Unlock()
	on.Produce(context.Background(), record, func(r *kgo.Record, err error) {
		y.acknowledge(r, err)
		done(r, err) // goka may finish its record here
	})
	y.mu.Lock()
	defer y.mu.Unlock()
	y.unsent = true
	if !y.flushes && len(y.lanes) > 0 { // closed, they have failed what they held
		y.flushes = true
		y.flusher.Go(y.flush)
	}
}

func (y *cycle) acknowledge(r *kgo.Record, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.emits--
	if err != nil && y.err == nil {
		y.err = fmt.Errorf("emit to %s: %w", r.Topic, err)
	}
	if y.emits == 0 || y.err != nil {
		y.wake()
	}
}

// flush sends until nothing is unsent. By the time it runs, a callback has emitted all it will.
func (y *cycle) flush() {
	for {
		y.gather()
		y.mu.Lock()
		if !y.unsent || len(y.lanes) == 0 {
			y.flushes = false
			y.mu.Unlock()
			return
		}
		y.unsent, y.leaving = false, true
		on := y.lanes[y.turn]
		y.mu.Unlock()
		if err := on.Flush(context.Background()); err != nil {
			y.fail(fmt.Errorf("flush: %w", err))
		}
	}
}

// gather has a cycle that lingers wait until no callback is to come: its records leave in one request, unless callbacks take
// much longer than records gathered.
func (y *cycle) gather() {
	if y.linger == 0 {
		return
	}
	late := time.NewTimer(5 * y.linger)
	defer late.Stop()
	for {
		y.mu.Lock()
		none := y.calls <= 0
		y.mu.Unlock()
		if none {
			return
		}
		select {
		case <-y.called:
		case <-late.C:
			return
		}
	}
}

// close closes the lanes, which fails every emit that waits. The open transaction is left: the next life's producers
// settle it. Repeating it only waits for the first.
func (y *cycle) close() {
	y.closing.Do(func() {
		y.mu.Lock()
		lanes := y.lanes
		y.lanes = nil
		if y.err == nil {
			y.err = errEnded
		}
		y.mu.Unlock()
		for _, on := range lanes {
			on.Close()
		}
		y.flusher.Wait()
	})
}

// producer is the goka.Producer of a life.
type producer struct{ cycle *cycle }

func (y *cycle) producer([]string, string, func() hash.Hash32) (goka.Producer, error) {
	return producer{y}, nil
}

// Emit is part of goka.Producer.
func (p producer) Emit(topic, key string, value []byte) *goka.Promise {
	return p.EmitWithHeaders(topic, key, value, nil)
}

// EmitWithHeaders is part of goka.Producer.
func (p producer) EmitWithHeaders(topic, key string, value []byte, headers goka.Headers) *goka.Promise {
	promise, finish := goka.NewPromiseWithFinisher()
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: value, Headers: make([]kgo.RecordHeader, 0, len(headers))}
	for name, value := range headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	p.cycle.emit(record, func(r *kgo.Record, err error) {
		if err != nil {
			finish(nil, err)
			return
		}
		finish(&sarama.ProducerMessage{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, nil)
	})
	return promise
}

// Close is part of goka.Producer. The life closes the lanes.
func (p producer) Close() error { return nil }
