package stream

// What is held here:
//   - one client reads any number of partitions, each from an offset of its own, read committed, control records among
//     the others;
//   - partitions are added and removed between two polls only, so nothing that was fetched before is taken after it.

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reader reads partitions that may change while it runs.
type reader struct {
	cl     *kgo.Client
	hangUp context.CancelFunc // ends what the client asks

	mu      sync.Mutex
	changes []func()
	wake    context.CancelFunc // ends the poll under way
	ended   bool
}

func (c *Cluster) newReader(name string) (*reader, error) {
	alive, hangUp := context.WithCancel(context.Background())
	cl, err := c.newClient(name,
		kgo.WithContext(alive),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchWait),
	)
	return &reader{cl: cl, hangUp: hangUp, wake: func() {}}, err
}

// add reads a partition that is not read yet. It calls then before anything of it is taken. False: run has ended.
func (r *reader) add(tp topicPartition, from kgo.Offset, then func()) bool {
	return r.change(func() {
		then()
		r.cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{tp.topic: {tp.partition: from}})
	})
}

// remove reads a partition no longer. It calls then when nothing of it is being taken any more.
func (r *reader) remove(tp topicPartition, then func()) {
	if !r.change(func() {
		r.cl.RemoveConsumePartitions(map[string][]int32{tp.topic: {tp.partition}})
		then()
	}) {
		then()
	}
}

// change has run do something before it polls again. False: run has ended.
func (r *reader) change(do func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return false
	}
	r.changes = append(r.changes, do)
	r.wake()
	return true
}

// run hands on what is fetched, errors of single partitions with it, until ctx ends or anything else fails. It closes the
// client.
func (r *reader) run(ctx context.Context, take func(kgo.Fetches) error) error {
	defer r.end()
	for ctx.Err() == nil {
		poll, wake := context.WithCancel(ctx)
		for _, do := range r.changed(wake) {
			do()
		}
		fetches := r.cl.PollFetches(poll)
		wake()
		for _, e := range fetches.Errors() {
			if e.Topic == "" && !errors.Is(e.Err, context.Canceled) {
				return fmt.Errorf("read: %w", e.Err)
			}
		}
		if err := take(fetches); err != nil {
			return err
		}
	}
	return nil
}

// changed returns the changes that wait; the next one will call wake.
func (r *reader) changed(wake context.CancelFunc) []func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes := r.changes
	r.changes, r.wake = nil, wake
	return changes
}

func (r *reader) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	for _, do := range r.changed(func() {}) {
		do()
	}
	r.hangUp() // Close would wait for answers
	r.cl.Close()
}
