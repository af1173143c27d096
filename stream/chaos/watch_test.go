package chaos

// What is held here:
//   - an event counts when a reader of committed records sees it;
//   - a view may only ever show records that are committed in the end.

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// watch reads the committed events as they come.
type watch struct {
	cl    *kgo.Client
	ended sync.WaitGroup

	mu    sync.Mutex
	count int
	at    map[string]time.Time // when a command's event was first seen
}

func newWatch(brokers []string, topic string) (*watch, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return nil, err
	}
	w := &watch{cl: cl, at: map[string]time.Time{}}
	w.ended.Go(func() {
		for {
			fetches := cl.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			w.note(fetches)
		}
	})
	return w, nil
}

func (w *watch) note(fetches kgo.Fetches) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range fetches.RecordsAll() {
		w.count++
		if c, err := (CountCodec{}).Decode(r.Value); err == nil {
			if id := c.(Count).Command; w.at[id].IsZero() {
				w.at[id] = now
			}
		}
	}
}

// seen is how many events were seen.
func (w *watch) seen() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// doubles is how many events came for commands that had one.
func (w *watch) doubles() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count - len(w.at)
}

// gap is the longest time from a command's acknowledgement until its event was seen.
func (w *watch) gap(acknowledged map[string]time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var longest time.Duration
	for id, at := range acknowledged {
		if seen := w.at[id]; !seen.IsZero() {
			longest = max(longest, seen.Sub(at))
		}
	}
	return longest
}

func (w *watch) close() {
	w.cl.Close()
	w.ended.Wait()
}

// place is where a record lies in the table.
type place struct {
	partition int32
	offset    int64
}

// places are the records that a view has applied.
type places struct {
	mu  sync.Mutex
	all map[place]bool
}

func (p *places) add(_ string, partition int32, offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[place{partition, offset}] = true
}

// beyond counts the places that are not among the committed ones.
func (p *places) beyond(committed map[place]bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for at := range p.all {
		if !committed[at] {
			n++
		}
	}
	return n
}
