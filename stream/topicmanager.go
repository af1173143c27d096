package stream

// What is held here:
//   - an offset lookup waits and tries again: a partition without a leader must not end a processor;
//   - the newest offset is the high watermark, not the last stable offset: recovery must not end before a transaction
//     that was open when it began.

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kadm"
)

// topicManager is a goka.TopicManager. Its lookups end with ctx, for which goka's methods have no room.
type topicManager struct {
	c   *Cluster
	ctx context.Context
}

func (c *Cluster) topicManager(ctx context.Context) goka.TopicManagerBuilder {
	return func([]string) (goka.TopicManager, error) { return topicManager{c, ctx}, nil }
}

func (m topicManager) Close() error { return nil } // the connections are the cluster's

func (m topicManager) Partitions(topic string) ([]int32, error) {
	d, err := m.c.adm.ListTopics(m.ctx, topic)
	if err != nil {
		return nil, err
	}
	return d[topic].Partitions.Numbers(), d[topic].Err
}

func (m topicManager) GetOffset(topic string, partition int32, at int64) (int64, error) {
	for {
		offset, err := m.offset(topic, partition, at)
		if err == nil {
			return offset, nil
		}
		m.c.log.WithFields(topicPartition{topic, partition}.fields()).WithError(err).Debug("offset lookup refused")
		if !sleep(m.ctx, 200*time.Millisecond) {
			return 0, err
		}
	}
}

func (m topicManager) offset(topic string, partition int32, at int64) (int64, error) {
	var offsets kadm.ListedOffsets
	var err error
	switch at {
	case sarama.OffsetNewest:
		offsets, err = m.c.adm.ListEndOffsets(m.ctx, topic)
	case sarama.OffsetOldest:
		offsets, err = m.c.adm.ListStartOffsets(m.ctx, topic)
	default:
		offsets, err = m.c.adm.ListOffsetsAfterMilli(m.ctx, at, topic)
	}
	found, ok := offsets.Lookup(topic, partition) // there may be one beside an error of another partition
	switch {
	case ok:
		return found.Offset, found.Err
	case err != nil:
		return 0, err
	}
	return 0, fmt.Errorf("no offset of %s/%d", topic, partition)
}

func (m topicManager) EnsureTableExists(topic string, partitions int) error {
	return m.c.Ensure(m.ctx, []Topic{{topic, int32(partitions), map[string]string{"cleanup.policy": "compact"}}})
}

func (m topicManager) EnsureStreamExists(topic string, partitions int) error {
	return m.c.Ensure(m.ctx, []Topic{{Name: topic, Partitions: int32(partitions)}})
}

func (m topicManager) EnsureTopicExists(topic string, partitions, _ int, config map[string]string) error {
	return m.c.Ensure(m.ctx, []Topic{{topic, int32(partitions), config}})
}
