package stream

// What is held here:
//   - what a topic says was done is done once: who writes has read everything that was written before, and whoever wrote
//     under the same name, in whichever process, has ended by then or is fenced;
//   - exactly once, what is written becomes readable together or never, whoever dies; at least once it is written in the
//     order given, and a writer of another process is not seen;
//   - a doubt is settled by reading again: only a caller who cannot wait hears of it.

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// LedgerConfig of a Ledger. Both must be set.
type LedgerConfig struct {
	// Name is shared by all who write it: their transactional id.
	Name string
	// Topic is what is read before something is written.
	Topic string
}

// Record is one that was read, or is to be written.
type Record struct {
	Topic, Key string
	Value      []byte
	Headers    map[string][]byte
}

// Ledger writes what follows from all that a topic holds. It is for what happens now and then: every use reads the whole
// topic. It may be used by any number of goroutines, which take turns.
type Ledger struct {
	c    *Cluster
	cfg  LedgerConfig
	turn chan struct{}
}

// NewLedger returns a Ledger.
func (c *Cluster) NewLedger(cfg LedgerConfig) (*Ledger, error) {
	if cfg.Name == "" || cfg.Topic == "" {
		return nil, errors.New("a ledger needs a name and a topic")
	}
	return &Ledger{c: c, cfg: cfg, turn: make(chan struct{}, 1)}, nil
}

// Write writes what decide makes of the topic's committed records, which come in the order of each partition. When it
// is in doubt whether that was written, decide is called again, and sees it if it was. Write ends with ctx, or when the
// brokers refuse it: with ErrUnavailable if nothing was handed over, else with ErrOutcomeUnknown.
func (l *Ledger) Write(ctx context.Context, decide func(past iter.Seq[Record]) []Record) error {
	late := ErrUnavailable
	failed := errors.New("others write")
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
	}
	for ctx.Err() == nil {
		handed, err := l.try(ctx, decide)
		if err == nil {
			return nil
		}
		if handed {
			late = ErrOutcomeUnknown
		}
		if refused(err) {
			return fmt.Errorf("write what follows from %s: %w: %w", l.cfg.Topic, err, late)
		}
		failed = err
		sleep(ctx, 20*time.Millisecond+rand.N(200*time.Millisecond)) // or two that fence each other would go on with it
	}
	return fmt.Errorf("write what follows from %s: %w: %w", l.cfg.Topic, failed, late)
}

// refused says whether an error would come again.
func refused(err error) bool {
	var answer *kerr.Error
	if !errors.As(err, &answer) || answer.Retriable {
		return false
	}
	return !slices.Contains([]*kerr.Error{ // another writes under our name, or did
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.InvalidTxnState,
		kerr.UnknownProducerID, kerr.OutOfOrderSequenceNumber, kerr.TransactionAbortable,
	}, answer)
}

// try reads, decides and writes once. handed says whether something was handed over that may be there, or come to be.
func (l *Ledger) try(ctx context.Context, decide func(iter.Seq[Record]) []Record) (handed bool, err error) {
	exactly := l.c.cfg.Guarantee == ExactlyOnce
	opts := l.c.producing()
	if exactly {
		opts = append(opts, kgo.TransactionalID(l.cfg.Name), kgo.TransactionTimeout(l.c.cfg.TransactionTimeout))
	}
	cl, err := l.c.newClient(l.cfg.Name, opts...)
	if err != nil {
		return false, err
	}
	defer cl.Close()
	var records []Record
	defer func() { err = l.explained(ctx, err, records) }()
	if exactly {
		if _, _, err := cl.ProducerID(ctx); err != nil { // fences, and waits for the end of what was open
			return false, fmt.Errorf("become the writer: %w", err)
		}
	}
	var unread error
	records = decide(l.past(ctx, &unread))
	if unread != nil || len(records) == 0 {
		return false, unread
	}
	if !exactly {
		for _, r := range records {
			if err := cl.ProduceSync(ctx, r.produced()).FirstErr(); err != nil {
				return true, err
			}
		}
		return true, nil
	}
	if err := cl.BeginTransaction(); err != nil {
		return false, err
	}
	all := make([]*kgo.Record, len(records))
	for i, r := range records {
		all[i] = r.produced()
	}
	if err := cl.ProduceSync(ctx, all...).FirstErr(); err != nil {
		_ = cl.EndTransaction(ctx, kgo.TryAbort) // else it is aborted by the next writer, or in its time
		return false, err
	}
	return true, cl.EndTransaction(ctx, kgo.TryCommit)
}

// explained adds the missing permission to an error that came of it.
func (l *Ledger) explained(ctx context.Context, err error, records []Record) error {
	if !unauthorized(err) {
		return err
	}
	if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		return fmt.Errorf("%w: %w", l.c.missing(access{"Write", "transactional-id", l.cfg.Name}), err)
	}
	needed := topicAccess("Read", l.cfg.Topic)
	for _, r := range records {
		if write := (access{"Write", "topic", r.Topic}); !slices.Contains(needed, write) {
			needed = append(needed, write)
		}
	}
	if lacks := l.c.lacks(ctx, needed); lacks != nil {
		return fmt.Errorf("%w: %w", lacks, err)
	}
	return err
}

// past are the committed records up to the topic's end as it is now, also where that is not committed yet. Where they
// cannot be read they end early, with why.
func (l *Ledger) past(ctx context.Context, unread *error) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		starts, ends, err := l.c.bounds(ctx, []string{l.cfg.Topic})
		if err != nil {
			*unread = err
			return
		}
		from := map[int32]kgo.Offset{}
		for tp, end := range ends {
			if starts[tp] < end {
				from[tp.partition] = kgo.NewOffset().At(starts[tp])
			}
		}
		if len(from) == 0 {
			return
		}
		cl, err := l.c.newClient(l.cfg.Name+"-reader",
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.cfg.Topic: from}), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.FetchMinBytes(1), kgo.FetchMaxWait(fetchWait))
		if err != nil {
			*unread = err
			return
		}
		defer cl.Close()
		for len(from) > 0 {
			fetches := cl.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				*unread = fmt.Errorf("read %s: %w", l.cfg.Topic, err)
				return
			}
			for r := range fetches.RecordsAll() {
				if !r.Attrs.IsControl() && !yield(read(r)) {
					return
				}
				if r.Offset+1 >= ends[topicPartition{r.Topic, r.Partition}] {
					delete(from, r.Partition)
				}
			}
		}
	}
}

func read(r *kgo.Record) Record {
	headers := map[string][]byte{}
	for _, h := range r.Headers {
		headers[h.Key] = h.Value
	}
	return Record{r.Topic, string(r.Key), r.Value, headers}
}

// produced is r as the client takes it, with its headers in the order of their names.
func (r Record) produced() *kgo.Record {
	record := &kgo.Record{Topic: r.Topic, Key: []byte(r.Key), Value: r.Value, Headers: make([]kgo.RecordHeader, 0, len(r.Headers))}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: r.Headers[name]})
	}
	return record
}
