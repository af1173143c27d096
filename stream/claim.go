package stream

// What is held here:
//   - goka marks a record when its own emits are acknowledged, in any order: only the contiguous finished prefix counts;
//   - at most claimLimit records of a partition are handed over and not finished;
//   - a control record counts as finished and is never handed over, so the prefix reaches the end of the log; so does a record
//     that is to be skipped.

import (
	"sort"
	"sync"

	"github.com/IBM/sarama"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// claimLimit is how many records of one partition may be handed over and not finished.
const claimLimit = 2048

// topicPartition names one partition of a topic.
type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) fields() logrus.Fields {
	return logrus.Fields{"topic": tp.topic, "partition": tp.partition}
}

// claim is a sarama.ConsumerGroupClaim: one input partition in one session. A fetched record waits, is handed to goka,
// stays open until goka has finished it, and then belongs to the prefix that may be committed.
type claim struct {
	topicPartition
	first int64                        // where the session began to read; negative: at the log's start
	skip  func(string, Headers) bool   // nil: nothing
	pause func(bool)                   // stops and resumes fetching
	ch    chan *sarama.ConsumerMessage // as large as the limit: sending never blocks

	mu        sync.Mutex
	waiting   []*kgo.Record
	open      []slot
	next      int64 // the first offset that is not finished; first: none is
	committed int64
	finished  int // records since the last commit
	watermark int64
	paused    bool
	closed    bool
}

// slot is a record that is handed over and not finished, or finished or passed over behind one that is not.
type slot struct {
	offset       int64
	done, passed bool
}

func newClaim(tp topicPartition, first int64, skip func(string, Headers) bool, pause func(bool)) *claim {
	return &claim{
		topicPartition: tp, first: first, skip: skip, pause: pause, next: first, committed: first,
		ch: make(chan *sarama.ConsumerMessage, claimLimit),
	}
}

// Topic is part of sarama.ConsumerGroupClaim.
func (c *claim) Topic() string { return c.topic }

// Partition is part of sarama.ConsumerGroupClaim.
func (c *claim) Partition() int32 { return c.partition }

// InitialOffset is part of sarama.ConsumerGroupClaim.
func (c *claim) InitialOffset() int64 { return c.first }

// Messages is part of sarama.ConsumerGroupClaim.
func (c *claim) Messages() <-chan *sarama.ConsumerMessage { return c.ch }

// HighWaterMarkOffset is part of sarama.ConsumerGroupClaim.
func (c *claim) HighWaterMarkOffset() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watermark
}

// add takes what was fetched, and stops fetching when too much waits.
func (c *claim) add(records []*kgo.Record, watermark int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.watermark = watermark
	c.waiting = append(c.waiting, records...)
	if len(c.waiting) > claimLimit && !c.paused {
		c.paused = true
		c.pause(true)
	}
}

// hand gives goka up to limit waiting records. Ahead of the first it tells before how many there are for goka. It returns
// how many left the queue, those that goka does not see among them.
func (c *claim) hand(limit int, before func(records int)) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(limit, len(c.waiting), claimLimit-len(c.open))
	if n <= 0 || c.closed {
		return 0
	}
	records := 0
	begun := len(c.open)
	for _, r := range c.waiting[:n] {
		passed := r.Attrs.IsControl() || c.skip != nil && c.skip(r.Topic, r.Headers)
		c.open = append(c.open, slot{r.Offset, passed, passed})
		if !passed {
			records++
		}
	}
	before(records)
	for i, r := range c.waiting[:n] {
		if !c.open[begun+i].done {
			c.ch <- message(r)
		}
	}
	c.advance()
	clear(c.waiting[:n])
	c.waiting = c.waiting[n:]
	if c.paused && len(c.waiting) < claimLimit/2 {
		c.paused = false
		c.pause(false)
	}
	return n
}

// mark finishes one record; false if it was not open.
func (c *claim) mark(offset int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := sort.Search(len(c.open), func(i int) bool { return c.open[i].offset >= offset })
	if i == len(c.open) || c.open[i].offset != offset || c.open[i].done {
		return false
	}
	c.open[i].done = true
	c.finished++
	c.advance()
	return true
}

// advance moves the prefix over what is done; c.mu is held.
func (c *claim) advance() {
	for len(c.open) > 0 && c.open[0].done {
		c.next = c.open[0].offset + 1
		c.open = c.open[1:]
	}
}

// uncommitted returns the end of the finished prefix, and whether it lies beyond what is committed.
func (c *claim) uncommitted() (next int64, moved bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next, c.next > c.committed
}

// commit notes that everything before next is committed, and returns how many records that was.
func (c *claim) commit(next int64) (records int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	records, c.finished = c.finished, 0
	c.committed = next
	return records
}

// position is the first offset that is not committed; negative if the session began at the log's start and nothing is
// committed yet.
func (c *claim) position() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.committed
}

// unfinished returns how many records are open, and whether one is finished behind one that is not: what it emitted cannot
// be committed without it. One that was passed over emitted nothing, and is passed over again.
func (c *claim) unfinished() (n int, hole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.open {
		switch {
		case !s.done:
			n++
		case !s.passed:
			hole = true
		}
	}
	return n, hole
}

// ready says whether hand would hand something over.
func (c *claim) ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > 0 && len(c.open) < claimLimit
}

func (c *claim) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	close(c.ch)
	if c.paused {
		c.pause(false)
	}
}
