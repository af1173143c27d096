package stream

// What is held here:
//   - a dead owner's open transaction does not hold up the new owner until it times out (up to 20 s): it is fenced;
//   - nothing else is: only a transaction of this group, of another instance, that stays open in table partitions that
//     are now ours, to which only their owner writes.

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The markers of a commit take milliseconds; what is open in two looks is open for good.
const (
	fenceLooks    = 10
	fenceInterval = 300 * time.Millisecond
)

// fence looks for dead transactions in the table partitions of a new session.
func (l *life) fence(ctx context.Context, of map[string][]int32) {
	set := kadm.TopicsSet{}
	for _, partitions := range of {
		set.Add(l.table, partitions...)
	}
	type open struct{ producer, start int64 }
	var before []open
	var blind error
	for range fenceLooks {
		var described kadm.DescribedProducersTopics
		described, blind = l.c.adm.DescribeProducers(ctx, set)
		var now []open
		for _, p := range described.SortedProducers() {
			if o := (open{p.ProducerID, p.CurrentTxnStartOffset}); o.start >= 0 {
				now = append(now, o)
				if slices.Contains(before, o) {
					l.fenceProducer(ctx, o.producer)
				}
			}
		}
		before = now
		if !sleep(ctx, fenceInterval) {
			return
		}
	}
	if blind != nil {
		l.log.WithError(blind).Warn("open transactions cannot be seen, a dead instance's may hold up the recovery")
	}
}

// fenceProducer aborts the open transaction of a producer by becoming it.
func (l *life) fenceProducer(ctx context.Context, producer int64) {
	transactions, err := l.c.adm.ListTransactions(ctx, []int64{producer}, nil)
	if err != nil && ctx.Err() == nil {
		l.log.WithError(err).Warn("a dead instance's transaction cannot be found")
		return
	}
	for _, t := range transactions.Sorted() {
		if !strings.HasPrefix(t.TxnID, l.group+"-") || slices.Contains(l.c.transactionalIDs(l.group), t.TxnID) {
			continue
		}
		cl, err := l.c.newClient(l.group+"-fence",
			kgo.TransactionalID(t.TxnID), kgo.TransactionTimeout(l.c.cfg.TransactionTimeout))
		if err == nil {
			_, _, err = cl.ProducerID(ctx)
			cl.Close()
		}
		log := l.log.WithField("transactional_id", t.TxnID)
		switch {
		case err == nil:
			log.Info("fenced a dead instance's transaction")
		case ctx.Err() == nil:
			log.WithError(err).Warn("a dead instance's transaction cannot be fenced")
		}
	}
}
