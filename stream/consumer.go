package stream

// What is held here:
//   - tables and views are read committed, from the offset that goka names;
//   - goka's recovery waits for the last offset below the high watermark, which in a transactional topic is a control
//     record: these are handed on as marked tombstones without a key, and no update callback sees them;
//   - each consumption has a client of its own: nothing of an earlier one of the same partition can reach it.

import (
	"context"
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
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, &sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	return m
}

// consumer is a sarama.Consumer: what goka recovers tables and runs views with.
type consumer struct {
	c    *Cluster
	name string
	tm   topicManager

	mu    sync.Mutex
	parts map[*partitionConsumer]bool
}

// consumer returns the builder of a consumer whose clients are called name.
func (c *Cluster) consumer(ctx context.Context, name string) goka.SaramaConsumerBuilder {
	return func([]string, string) (sarama.Consumer, error) {
		return &consumer{c: c, name: name, tm: topicManager{c, ctx}, parts: map[*partitionConsumer]bool{}}, nil
	}
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
	for p := range c.parts {
		if of == nil || slices.Contains(of[p.topic], p.partition) {
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
	cl, err := c.c.newClient(c.name,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: from}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchWait),
	)
	if err != nil {
		return nil, err
	}
	p := &partitionConsumer{
		topicPartition: topicPartition{topic, partition}, cl: cl,
		messages: make(chan *sarama.ConsumerMessage, 1024), errors: make(chan *sarama.ConsumerError, 1),
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	c.mu.Lock()
	c.parts[p] = true
	c.mu.Unlock()
	go func() {
		p.run()
		c.mu.Lock()
		delete(c.parts, p)
		c.mu.Unlock()
		cl.Close()
		close(p.messages) // goka waits for both after AsyncClose
		close(p.errors)
	}()
	return p, nil
}

// partitionConsumer is a sarama.PartitionConsumer.
type partitionConsumer struct {
	topicPartition
	cl        *kgo.Client
	messages  chan *sarama.ConsumerMessage
	errors    chan *sarama.ConsumerError
	watermark atomic.Int64
	paused    atomic.Bool
	ctx       context.Context
	stop      context.CancelFunc
}

func (p *partitionConsumer) run() {
	for {
		fetches := p.cl.PollFetches(p.ctx)
		if p.ctx.Err() != nil {
			return
		}
		for _, e := range fetches.Errors() {
			p.errors <- &sarama.ConsumerError{Topic: p.topic, Partition: p.partition, Err: e.Err}
			return
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) { p.watermark.Store(f.HighWatermark) })
		for r := range fetches.RecordsAll() {
			select {
			case p.messages <- message(r):
			case <-p.ctx.Done():
				return
			}
		}
	}
}

// AsyncClose is part of sarama.PartitionConsumer.
func (p *partitionConsumer) AsyncClose() { p.stop() }

// Close is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Close() error {
	p.stop()
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
	p.cl.PauseFetchTopics(p.topic)
}

// Resume is part of sarama.PartitionConsumer.
func (p *partitionConsumer) Resume() {
	p.paused.Store(false)
	p.cl.ResumeFetchTopics(p.topic)
}
