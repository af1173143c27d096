package stream

// What is held here:
//   - views and joined tables are read committed, from the offset that goka names, all partitions by one client;
//   - goka's recovery waits for the last offset below the high watermark, which in a transactional topic is a control
//     record: these are handed on as marked tombstones without a key, and no update callback sees them;
//   - nothing of a partition's former consumption reaches the next one.

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// controlHeader marks the stand-in for a control record.
const controlHeader = "__control"

// isControl recognises the stand-in for a control record. A record with an empty key of its own is none.
func isControl(ctx goka.UpdateContext, key string, value []byte) bool {
	return key == "" && value == nil && ctx.Headers()[controlHeader] != nil
}

// withoutControls keeps control records from an update callback.
func withoutControls(update goka.UpdateCallback) goka.UpdateCallback {
	return func(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
		if isControl(ctx, key, value) {
			return nil
		}
		return update(ctx, s, key, value)
	}
}

// message is a fetched record as goka takes it.
func message(r *kgo.Record) *sarama.ConsumerMessage {
	m := &sarama.ConsumerMessage{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp,
	}
	if r.Attrs.IsControl() {
		m.Key, m.Value = nil, nil
		m.Headers = []*sarama.RecordHeader{{Key: []byte(controlHeader), Value: []byte{1}}}
		return m
	}
	headers := make([]sarama.RecordHeader, len(r.Headers))
	m.Headers = make([]*sarama.RecordHeader, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
		m.Headers[i] = &headers[i]
	}
	return m
}

// consumer is what goka runs views and joined tables with: a sarama.Consumer once it is built. Who made it closes it, as
// goka's views do not.
type consumer struct {
	c    *Cluster
	name string
	tm   topicManager

	mu      sync.Mutex
	parts   map[topicPartition]*partitionConsumer
	reading *reader // nil: nothing was consumed yet, or the last reader failed
	stop    context.CancelFunc
	running sync.WaitGroup
}

// newConsumer returns a consumer whose client is called name.
func (c *Cluster) newConsumer(ctx context.Context, name string) *consumer {
	return &consumer{
		c: c, name: name, tm: topicManager{c, ctx}, parts: map[topicPartition]*partitionConsumer{}, stop: func() {},
	}
}

// build is a goka.SaramaConsumerBuilder.
func (c *consumer) build([]string, string) (sarama.Consumer, error) { return c, nil }

// close ends what goka has closed.
func (c *consumer) close() {
	c.mu.Lock()
	c.stop()
	c.mu.Unlock()
	c.running.Wait()
}

// Topics is part of sarama.Consumer.
func (c *consumer) Topics() ([]string, error) {
	topics, err := c.c.adm.ListTopics(c.tm.ctx)
	return topics.Names(), err
}

// Partitions is part of sarama.Consumer.
func (c *consumer) Partitions(topic string) ([]int32, error) { return c.tm.Partitions(topic) }

// HighWaterMarks is part of sarama.Consumer.
func (c *consumer) HighWaterMarks() map[string]map[int32]int64 {
	marks := map[string]map[int32]int64{}
	c.each(nil, func(p *partitionConsumer) {
		if marks[p.topic] == nil {
			marks[p.topic] = map[int32]int64{}
		}
		marks[p.topic][p.partition] = p.watermark.Load()
	})
	return marks
}

// each visits the consumptions of the partitions; nil means all.
func (c *consumer) each(of map[string][]int32, visit func(*partitionConsumer)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, p := range c.parts {
		if of == nil || slices.Contains(of[tp.topic], tp.partition) {
			visit(p)
		}
	}
}

// Pause is part of sarama.Consumer.
func (c *consumer) Pause(of map[string][]int32) { c.each(of, (*partitionConsumer).Pause) }

// Resume is part of sarama.Consumer.
func (c *consumer) Resume(of map[string][]int32) { c.each(of, (*partitionConsumer).Resume) }

// PauseAll is part of sarama.Consumer.
func (c *consumer) PauseAll() { c.each(nil, (*partitionConsumer).Pause) }

// ResumeAll is part of sarama.Consumer.
func (c *consumer) ResumeAll() { c.each(nil, (*partitionConsumer).Resume) }

// Close is part of sarama.Consumer. goka has closed every consumption by then.
func (c *consumer) Close() error { return nil }

// ConsumePartition is part of sarama.Consumer.
func (c *consumer) ConsumePartition(topic string, partition int32, offset int64) (sarama.PartitionConsumer, error) {
	from := kgo.NewOffset().At(offset)
	switch offset {
	case sarama.OffsetNewest:
		from = kgo.NewOffset().AtEnd()
	case sarama.OffsetOldest:
		from = kgo.NewOffset().AtStart()
	}
	r, err := c.reader()
	if err != nil {
		return nil, err
	}
	p := &partitionConsumer{
		topicPartition: topicPartition{topic, partition}, reader: r,
		messages: make(chan *sarama.ConsumerMessage, 1024), errors: make(chan *sarama.ConsumerError, 1),
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.closing = sync.OnceFunc(func() {
		p.stop()
		r.remove(p.topicPartition, func() {
			c.set(p.topicPartition, nil)
			p.Resume()
			close(p.messages) // goka waits for both after AsyncClose
			close(p.errors)
		})
	})
	if !r.add(p.topicPartition, from, func() { c.set(p.topicPartition, p) }) {
		return nil, fmt.Errorf("read %s/%d: the client has just failed", topic, partition)
	}
	return p, nil
}

// reader is the one that runs, or a new one.
func (c *consumer) reader() (*reader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reading != nil {
		return c.reading, nil
	}
	r, err := c.c.newReader(c.name)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	c.reading, c.stop = r, stop
	c.running.Go(func() {
		err := r.run(ctx, c.take)
		c.mu.Lock()
		c.reading = nil
		c.mu.Unlock()
		c.each(nil, func(p *partitionConsumer) { p.fail(err) })
	})
	return r, nil
}

func (c *consumer) set(tp topicPartition, p *partitionConsumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p == nil {
		delete(c.parts, tp)
		return
	}
	c.parts[tp] = p
}

func (c *consumer) take(fetches kgo.Fetches) error {
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		c.mu.Lock()
		p := c.parts[topicPartition{f.Topic, f.Partition}]
		c.mu.Unlock()
		if p != nil {
			p.take(f)
		}
	})
	return nil
}

// partitionConsumer is a sarama.PartitionConsumer.
type partitionConsumer struct {
	topicPartition
	reader    *reader
	messages  chan *sarama.ConsumerMessage
	errors    chan *sarama.ConsumerError
	watermark atomic.Int64
	paused    atomic.Bool
	ctx       context.Context
	stop      context.CancelFunc
	closing   func()
}

// take hands goka what was fetched. Meanwhile no other partition gets anything.
func (p *partitionConsumer) take(f kgo.FetchTopicPartition) {
	if f.Err != nil {
		p.fail(f.Err)
		return
	}
	p.watermark.Store(f.HighWatermark)
	for _, r := range f.Records {
		select {
		case p.messages <- message(r):
		case <-p.ctx.Done():
			return
		}
	}
}

// fail tells goka, which closes a consumption that failed, of the first error.
func (p *partitionConsumer) fail(err error) {
	select {
	case p.errors <- &sarama.ConsumerError{Topic: p.topic, Partition: p.partition, Err: err}:
	default:
	}
}

// AsyncClose is part of sarama.PartitionConsumer.
func (p *partitionConsumer) AsyncClose() { p.closing() }

// Close is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Close() error {
	p.closing()
	var err error
	for e := range p.errors {
		err = e
	}
	for range p.messages {
	}
	return err
}

// Messages is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Messages() <-chan *sarama.ConsumerMessage { return p.messages }

// Errors is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Errors() <-chan *sarama.ConsumerError { return p.errors }

// HighWaterMarkOffset is part of sarama.PartitionConsumer.
func (p *partitionConsumer) HighWaterMarkOffset() int64 { return p.watermark.Load() }

// IsPaused is part of sarama.PartitionConsumer.
func (p *partitionConsumer) IsPaused() bool { return p.paused.Load() }

// Pause is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Pause() {
	p.paused.Store(true)
	p.reader.cl.PauseFetchPartitions(map[string][]int32{p.topic: {p.partition}})
}

// Resume is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Resume() {
	p.paused.Store(false)
	p.reader.cl.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
}
