package main

// What is held here:
//   - the load is closed: so many commands are in flight, and the next is sent when an event answers the last;
//   - a latency is from before the send until the event is read, committed; it counts if it ends within the window;
//   - an event that is missing or comes twice fails the measurement: a fast system that is wrong is not fast.

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// accounts is how many keys the commands have.
	accounts = 20_000
	// eventTimeout is how long the last events of a window may take.
	eventTimeout = 30 * time.Second
)

// load sends commands and reads events.
type load struct {
	target
	cl   *kgo.Client
	sent int
}

// window is what was seen while it lasted; zero: no event came in time.
type window struct {
	rate     float64 // events a second
	p50, p99 time.Duration
	events   int
}

func (t target) newLoad() (*load, error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(t.brokers()...),
		kgo.ConsumeTopics(t.out()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	return &load{target: t, cl: cl}, err
}

// run keeps inFlight commands under way for d, and waits for the last events.
func (l *load) run(ctx context.Context, inFlight int, d time.Duration) (window, error) {
	ctx, cancel := context.WithTimeout(ctx, d+eventTimeout)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	open := map[int]time.Time{}
	send := func() {
		l.sent++
		value := newAccount(fmt.Sprintf("%016x", l.sent), l.sent*7919%accounts) // 7919 is prime: every account has its turn
		open[l.sent] = time.Now()
		record := &kgo.Record{Topic: l.in(), Key: []byte(value.Email), Value: value.encode()}
		l.cl.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				fail(fmt.Errorf("send a command: %w", err))
			}
		})
	}
	for range inFlight {
		send()
	}
	var latencies []time.Duration
	for end := time.Now().Add(d); len(open) > 0; {
		fetches := l.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return window{}, fmt.Errorf("%d of %d commands have no event: %w", len(open), l.sent, context.Cause(ctx))
		}
		if err := fetches.Err(); err != nil {
			return window{}, fmt.Errorf("read events: %w", err)
		}
		now := time.Now()
		for r := range fetches.RecordsAll() {
			id, err := commandID(r.Value)
			sent, ours := open[id]
			if err != nil || !ours {
				return window{}, fmt.Errorf("event %s/%d at %d answers no open command", r.Topic, r.Partition, r.Offset)
			}
			delete(open, id)
			if now.Before(end) {
				latencies = append(latencies, now.Sub(sent))
				send()
			}
		}
	}
	if len(latencies) == 0 {
		return window{}, nil
	}
	slices.Sort(latencies)
	return window{
		rate: float64(len(latencies)) / d.Seconds(), events: len(latencies),
		p50: percentile(latencies, 0.50), p99: percentile(latencies, 0.99),
	}, nil
}

// commandID finds the id that the value of an event begins with: {"id":"0123456789abcdef
func commandID(value []byte) (int, error) {
	if len(value) < 23 {
		return 0, fmt.Errorf("a value of %d bytes has no id", len(value))
	}
	id, err := strconv.ParseInt(string(value[7:23]), 16, 64)
	return int(id), err
}

// percentile of sorted latencies, by the nearest rank.
func percentile(sorted []time.Duration, p float64) time.Duration {
	return sorted[int(math.Ceil(p*float64(len(sorted))))-1]
}
