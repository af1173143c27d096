package stream

// What is held here:
//   - "behind" is a time, not a number of records: how long ago a reader's topics already reached what it has not;
//   - a topic at whose end nothing happens is not behind, whatever its last offsets hold;
//   - a reader that cannot ask where the end is counts as behind since it last could.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// lookInterval is how often the ends of the topics are asked for.
const lookInterval = time.Second

// bounds are the first offset and the high watermark of every partition of the topics.
func (c *Cluster) bounds(ctx context.Context, topics []string) (starts, ends map[topicPartition]int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	starts, ends = map[topicPartition]int64{}, map[topicPartition]int64{}
	first, err := c.adm.ListStartOffsets(ctx, topics...)
	if err = errors.Join(err, first.Error()); err != nil {
		return nil, nil, fmt.Errorf("list first offsets: %w", err)
	}
	last, err := c.adm.ListEndOffsets(ctx, topics...)
	if err = errors.Join(err, last.Error()); err != nil {
		return nil, nil, fmt.Errorf("list end offsets: %w", err)
	}
	for _, of := range first.Offsets().Sorted() {
		starts[topicPartition{of.Topic, of.Partition}] = of.At
	}
	for _, of := range last.Offsets().Sorted() {
		ends[topicPartition{of.Topic, of.Partition}] = of.At
	}
	return starts, ends, nil
}

// sample is an end of a partition and when it was seen.
type sample struct {
	end int64
	at  time.Time
}

// lag watches how far a reader is behind.
type lag struct {
	c        *Cluster
	reader   string
	topics   []string
	needed   []access                                     // what the reader must be allowed
	position func(topicPartition) (next int64, ours bool) // of the reader

	mu      sync.Mutex
	missing string // permission
	looked  time.Time
	starts  map[topicPartition]int64
	ends    map[topicPartition]int64
	samples map[topicPartition]sample // one a partition: an end that was not reached when it was seen
}

func (c *Cluster) newLag(reader string, topics []string, position func(topicPartition) (int64, bool)) *lag {
	return &lag{c: c, reader: reader, topics: topics, position: position, samples: map[topicPartition]sample{}}
}

// run looks until ctx ends; after each look it calls looked.
func (l *lag) run(ctx context.Context, looked func()) {
	for {
		starts, ends, err := l.c.bounds(ctx, l.topics)
		if err == nil {
			l.look(time.Now(), starts, ends)
		} else if ctx.Err() == nil {
			l.c.log.WithField("reader", l.reader).WithError(err).Debug("ends of topics are not known")
		}
		l.suspect(ctx, err)
		l.c.metrics.behind.WithLabelValues(l.reader).Set(l.behind(time.Now()).Seconds())
		looked()
		if !sleep(ctx, lookInterval) {
			return
		}
	}
}

func (l *lag) look(now time.Time, starts, ends map[topicPartition]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looked, l.starts, l.ends = now, starts, ends
	for tp, end := range ends {
		next, ours := l.position(tp)
		next = max(next, starts[tp])
		if waits, ok := l.samples[tp]; ok && ours && next < waits.end {
			continue
		}
		delete(l.samples, tp)
		if ours && next < end {
			l.samples[tp] = sample{end, now}
		}
	}
}

// suspect asks whether a reader that sees no ends, or does not come to them, was forbidden to read.
func (l *lag) suspect(ctx context.Context, unseen error) {
	var missing error
	if unauthorized(unseen) || unseen == nil && l.behind(time.Now()) > 5*lookInterval {
		missing = l.c.lacks(ctx, slices.DeleteFunc(slices.Clone(l.needed), func(a access) bool { return a.resource != "topic" }))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case missing == nil:
		l.missing = ""
	case l.missing == "":
		l.missing = oneLine(missing.Error())
		l.c.log.WithField("reader", l.reader).Warn(l.missing)
	}
}

// closed is the permission that is missing; empty if none is known to be.
func (l *lag) closed() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing
}

// start is the first offset of a partition when it was last looked at.
func (l *lag) start(tp topicPartition) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.starts[tp]
}

// rest is how many records of a partition followed those before next at the last look, and since when its end was not
// reached; zero: it was.
func (l *lag) rest(tp topicPartition, next int64) (records int64, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next = max(next, l.starts[tp])
	if waits, ok := l.samples[tp]; ok && next < waits.end {
		since = waits.at
	}
	return max(0, l.ends[tp]-next), since
}

// behind is the age of the oldest end that is not reached; 0 if all are.
func (l *lag) behind(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var oldest time.Duration
	if age := now.Sub(l.looked); !l.looked.IsZero() && age > 5*lookInterval {
		oldest = age
	}
	for tp, waits := range maps.All(l.samples) {
		if next, ours := l.position(tp); ours && max(next, l.starts[tp]) < waits.end {
			oldest = max(oldest, now.Sub(waits.at))
		}
	}
	return oldest
}
