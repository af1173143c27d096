package stream

// What is held here:
//   - exactly once, a life has two producers that take turns, so that a transaction does not wait for the markers of the
//     one before; at least once, it has one without transactions;
//   - making them fences the former life of the same instance, and settles the transaction it left;
//   - offsets go into the transaction with member and generation: a group's coordinator refuses who is no longer one.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// lane is one producer of a life.
type lane struct {
	*kgo.Client
	transaction string // its transactional id; empty: none
	group       string
}

// transactionalIDs of an instance's processor of a group.
func transactionalIDs(group, instance string) []string {
	return []string{group + "-" + instance + "-0", group + "-" + instance + "-1"}
}

// openLanes makes the producers of a life.
func (c *Cluster) openLanes(ctx context.Context, group string) ([]*lane, error) {
	ids := []string{""}
	if c.cfg.Guarantee == ExactlyOnce {
		ids = transactionalIDs(group, c.cfg.Instance)
	}
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), 5) // 6 wants topic ids
	var lanes []*lane
	for _, id := range ids {
		opts := append(c.producing(),
			kgo.MaxVersions(versions),
			kgo.ManualFlushing(),
			kgo.MaxBufferedRecords(200_000),
			kgo.RecordDeliveryTimeout(c.cfg.TransactionTimeout),
			kgo.ConcurrentTransactionsBackoff(time.Millisecond),
			kgo.RetryBackoffFn(func(tries int) time.Duration { // a transaction is as slow as its slowest request
				return min(time.Duration(tries)*2*time.Millisecond, 500*time.Millisecond)
			}),
		)
		if id != "" {
			opts = append(opts, kgo.TransactionalID(id), kgo.TransactionTimeout(c.cfg.TransactionTimeout))
		}
		cl, err := c.newClient(group+"-producer", opts...)
		if err == nil {
			lanes = append(lanes, &lane{cl, id, group})
			_, _, err = cl.ProducerID(ctx)
		}
		if err != nil {
			for _, l := range lanes {
				l.Close()
			}
			return nil, fmt.Errorf("make a producer for %s: %w", group, err)
		}
	}
	return lanes, nil
}

func (l *lane) begin() error {
	if l.transaction == "" {
		return nil
	}
	return l.BeginTransaction()
}

// commit ends the transaction with the session's offsets in it.
func (l *lane) commit(ctx context.Context, offsets map[topicPartition]int64, s *session) error {
	if err := l.sendOffsets(ctx, offsets, s); err != nil {
		return fmt.Errorf("commit offsets in the transaction: %w", err)
	}
	if err := l.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("end the transaction: %w", err)
	}
	return nil
}

func (l *lane) sendOffsets(ctx context.Context, offsets map[topicPartition]int64, s *session) error {
	id, epoch, err := l.ProducerID(ctx)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group = l.transaction, l.group
	req.ProducerID, req.ProducerEpoch = id, epoch
	req.MemberID, req.Generation = s.memberID, s.generation
	topics := map[string]*kmsg.TxnOffsetCommitRequestTopic{}
	for tp, offset := range offsets {
		if topics[tp.topic] == nil {
			topics[tp.topic] = &kmsg.TxnOffsetCommitRequestTopic{Topic: tp.topic}
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.Metadata = tp.partition, offset, kmsg.StringPtr(s.marks[tp.topic])
		topics[tp.topic].Partitions = append(topics[tp.topic].Partitions, p)
	}
	for t := range maps.Values(topics) {
		req.Topics = append(req.Topics, *t)
	}
	for {
		resp, err := req.RequestWith(ctx, l.Client)
		if err != nil {
			return err
		}
		var refused error
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					refused = err
				}
			}
		}
		busy := errors.Is(refused, kerr.ConcurrentTransactions) || errors.Is(refused, kerr.CoordinatorLoadInProgress)
		if !busy || !sleep(ctx, time.Millisecond) {
			return refused
		}
	}
}
