package main

// What is held here:
//   - the load is open: a command is sent every 2 ms, whoever answers; the longest time from send to event while members
//     come and go is the gap that a command saw;
//   - one member stays, another joins with an empty store, is restarted with its own, leaves, and is killed;
//   - a command without an event, or with two, fails the measurement.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/stream/bench/measure"
)

// How a rebalance is measured.
const (
	paceInterval = 2 * time.Millisecond
	// settleFor is how long the load goes on after a change before the next.
	settleFor = 1500 * time.Millisecond
	// quietTimeout is how long it may take after a change until all is quiet again.
	quietTimeout = 2 * time.Minute
)

type rebalanceCmd struct {
	Settings `embed:""`
	Rows     []int `default:"20000,1000000" help:"Of the table when members come and go, before BENCH_SCALE."`
}

// Run measures every system with every size of table, round after round.
func (c rebalanceCmd) Run(ctx context.Context) error {
	systems, err := c.systems(exactlyOnce, streamsLowLatency) // at least once, a kill doubles events
	if err != nil {
		return err
	}
	for _, rows := range c.Rows {
		rows = int(float64(rows) * c.Scale)
		figures := &measure.Table{
			Title: fmt.Sprintf("longest gap, %d rows of 300 B, %d partitions", rows, restorePartitions),
			Metrics: []measure.Metric{
				{Title: "quiet ms", Decimals: 0}, {Title: "join ms", Decimals: 0}, {Title: "restart ms", Decimals: 0}, {Title: "leave ms", Decimals: 0}, {Title: "kill -9 ms", Decimals: 0},
			},
		}
		for _, s := range systems {
			if err := c.measure(ctx, s, rows, figures); err != nil {
				return fmt.Errorf("rebalance %s with %d rows: %w", s.name, rows, err)
			}
		}
		figures.Print(os.Stdout, exactlyOnce)
	}
	return nil
}

// measure is every round of one system.
func (c rebalanceCmd) measure(ctx context.Context, s system, rows int, figures *measure.Table) (err error) {
	place, err := c.newPlace(ctx, s, restorePartitions, rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.remove()) }()
	stays, err := s.start(ctx, place.member("a"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stays.Stop()) }()
	p, err := place.newPace(ctx, rows)
	if err != nil {
		return err
	}
	defer p.stop()
	for round := range c.Rounds {
		sample, err := p.round(ctx, s, place.member("b"))
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%d rows, round %d: %s: %.0f ms\n", rows, round+1, s.name, sample)
		figures.Add(s.name, sample)
	}
	return nil
}

// member is a target with a directory of its own.
func (t target) member(name string) target {
	t.Dir = filepath.Join(t.Dir, name)
	return t
}

// round has a member come and go in every way, and returns the gaps in ms.
func (p *pace) round(ctx context.Context, s system, t target) (sample []float64, err error) {
	var comes *measure.Process
	defer func() {
		if comes != nil {
			err = errors.Join(err, comes.Stop())
		}
	}()
	start := func() error {
		comes, err = s.start(ctx, t)
		return err
	}
	stop := func() error {
		err := comes.Stop()
		comes = nil
		return err
	}
	kill := func() error {
		comes.Kill()
		comes = nil
		return nil
	}
	none := func() error { return nil }
	for _, change := range []struct {
		do      func() error
		counted bool
	}{
		{none, true},
		{func() error { return errors.Join(os.RemoveAll(t.Dir), start()) }, true},
		{func() error { return errors.Join(stop(), start()) }, true},
		{stop, true},
		{start, false},
		{kill, true},
	} {
		gap, err := p.during(ctx, change.do)
		if err != nil {
			return nil, err
		}
		if change.counted {
			sample = append(sample, gap.Seconds()*1e3)
		}
	}
	return sample, nil
}

// pace is a load that goes on whoever answers.
type pace struct {
	*load
	rows    int
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	open  map[int]time.Time // when a command was sent
	worst time.Duration     // of the answered ones since the last change began
	err   error
}

func (t target) newPace(ctx context.Context, rows int) (*pace, error) {
	l, err := t.newLoad()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &pace{load: l, rows: rows, cancel: cancel, open: map[int]time.Time{}}
	p.running.Go(func() { p.sends(ctx) })
	p.running.Go(func() { p.reads(ctx) })
	return p, nil
}

func (p *pace) stop() {
	p.cancel()
	p.running.Wait()
	p.cl.Close()
}

func (p *pace) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = errors.Join(p.err, err)
}

func (p *pace) sends(ctx context.Context) {
	tick := time.NewTicker(paceInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.sent++
		value := newAccount(fmt.Sprintf("%016x", p.sent), p.sent*7919%p.rows)
		p.mu.Lock()
		p.open[p.sent] = time.Now()
		p.mu.Unlock()
		p.cl.Produce(ctx, &kgo.Record{Topic: p.in(), Key: []byte(value.Email), Value: value.encode()}, func(_ *kgo.Record, err error) {
			if err != nil && ctx.Err() == nil {
				p.fail(fmt.Errorf("send a command: %w", err))
			}
		})
	}
}

func (p *pace) reads(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := p.cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			p.fail(fmt.Errorf("read events: %w", err))
			return
		}
		for r := range fetches.RecordsAll() {
			id, err := commandID(r.Value)
			p.mu.Lock()
			sent, ours := p.open[id]
			delete(p.open, id)
			p.worst = max(p.worst, time.Since(sent))
			p.mu.Unlock()
			if err != nil || !ours {
				p.fail(fmt.Errorf("event %s/%d at %d answers no open command", r.Topic, r.Partition, r.Offset))
				return
			}
		}
	}
}

// during returns the longest that a command waited for its event from a change until all is quiet again.
func (p *pace) during(ctx context.Context, change func() error) (time.Duration, error) {
	p.mu.Lock()
	p.worst = 0
	p.mu.Unlock()
	if err := change(); err != nil {
		return 0, err
	}
	changed := time.Now()
	for deadline := changed.Add(quietTimeout); ; time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		oldest := time.Now()
		for _, sent := range p.open {
			if sent.Before(oldest) {
				oldest = sent
			}
		}
		worst, err := p.worst, p.err
		p.mu.Unlock()
		switch {
		case err != nil:
			return 0, err
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case oldest.After(changed.Add(settleFor)):
			return worst, nil
		case time.Now().After(deadline):
			return 0, fmt.Errorf("a command has no event for %v", time.Since(oldest))
		}
	}
}
