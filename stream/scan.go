package stream

// What is held here:
//   - a scan shows committed records only, those of several topics in the order of their times;
//   - it ends at the last stable offsets as they are when it begins: neither an open transaction nor what comes meanwhile
//     is waited for, and offsets that hold nothing (aborted, compacted) end it as well as records;
//   - it holds a bounded number of records, however many there are;
//   - where it is cut, it says up to what time nothing is missing, and of which topics more may follow.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	scanFetchBytes = 4 << 20 // of one answer, more if the first batch is larger
	scanAhead      = 64      // steps that a topic may be ahead of the others
	scanPause      = 100 * time.Millisecond

	readCommitted = 1 // as the protocol says it
)

var errAnswer = errors.New("the broker answers nothing of what was asked")

// Scanned is a record that a scan found, and where it stands.
type Scanned struct {
	Record
	Partition int32
	Offset    int64
	At        time.Time // by the record
}

// CutError says how far a scan had come when it ended early.
type CutError struct {
	Until  time.Time // whatever stands before it was shown
	Topics []string  // that were not read to their ends
	Why    error
}

func (e *CutError) Error() string {
	return fmt.Sprintf("scan of %s cut at %s: %v", strings.Join(e.Topics, ", "), e.Until.Format(time.RFC3339Nano), e.Why)
}

func (e *CutError) Unwrap() error { return e.Why }

// Scan iterates over the records of a key since a time, in the topics' partitions where Config.Hasher puts the key. At
// equal times the topic that is named first comes first. When ctx ends before the scan does, or a topic cannot be read,
// it ends with a *CutError; to go on, scan since its Until, which shows what stands at that very moment again.
func (c *Cluster) Scan(ctx context.Context, topics []string, key string, since time.Time) iter.Seq2[Scanned, error] {
	return func(yield func(Scanned, error) bool) {
		reading, stop := context.WithCancel(ctx)
		var ended sync.WaitGroup
		defer ended.Wait()
		defer stop()
		var open []*scan
		for _, topic := range topics {
			s := &scan{c: c, topic: topic, key: key, since: since, steps: make(chan step, scanAhead), reached: since}
			open = append(open, s)
			ended.Go(func() { s.run(reading) })
		}
		for len(open) > 0 {
			for _, s := range open {
				if err := s.look(ctx); err != nil {
					yield(Scanned{}, cutAt(open, err))
					return
				}
			}
			first := slices.MinFunc(open, func(a, b *scan) int { return a.reached.Compare(b.reached) })
			head := first.head
			first.head = nil
			switch {
			case head.end:
				open = slices.DeleteFunc(open, func(s *scan) bool { return s == first })
			case head.record != nil && !yield(*head.record, nil):
				return
			}
		}
	}
}

func cutAt(open []*scan, why error) *CutError {
	e := &CutError{Until: open[0].reached, Why: why}
	for _, s := range open {
		e.Topics = append(e.Topics, s.topic)
		if s.reached.Before(e.Until) {
			e.Until = s.reached
		}
	}
	return e
}

// scan reads one partition of a topic.
type scan struct {
	c          *Cluster
	topic, key string
	since      time.Time
	steps      chan step

	// The merge's.
	head    *step     // the next step, taken from steps
	reached time.Time // by head, or by the one before

	// run's.
	leader    *kgo.Broker // nil: not known
	topicID   [16]byte
	partition int32
	begun     bool // next and end are known
	next, end int64
	last      time.Time // of the last step
}

// step is a record, or how far the partition was read without one.
type step struct {
	record *Scanned
	at     time.Time // never before the step before
	end    bool
	err    error
}

// look waits for the next step.
func (s *scan) look(ctx context.Context) error {
	if s.head != nil {
		return nil
	}
	select {
	case head := <-s.steps:
		s.head, s.reached = &head, head.at
		return head.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run tells of the partition from since to its end, or until ctx ends. Whatever may pass is tried again.
func (s *scan) run(ctx context.Context) {
	for !s.begun || s.next < s.end {
		err := s.advance(ctx)
		switch {
		case err == nil:
		case unauthorized(err):
			s.tell(ctx, step{err: cmp.Or(s.c.lacks(ctx, topicAccess("Read", s.topic)), err)})
			return
		case errors.Is(err, kerr.OffsetOutOfRange): // what came next has expired
			s.begun = false
		default:
			s.leader = nil
			if !sleep(ctx, scanPause) {
				return
			}
		}
	}
	s.tell(ctx, step{end: true})
}

// tell adds a step, unless ctx ends first.
func (s *scan) tell(ctx context.Context, next step) {
	if next.at.Before(s.last) {
		next.at = s.last
	}
	s.last = next.at
	select {
	case s.steps <- next:
	case <-ctx.Done():
	}
}

// advance does what comes next: find the partition, find its bounds, or read on.
func (s *scan) advance(ctx context.Context) error {
	if s.leader == nil {
		return s.find(ctx)
	}
	if !s.begun {
		return s.begin(ctx)
	}
	records, err := s.fetch(ctx)
	for _, r := range records {
		at := step{at: r.Timestamp}
		if string(r.Key) == s.key && !r.Attrs.IsControl() && !r.Timestamp.Before(s.since) && r.Offset < s.end {
			at.record = &Scanned{read(r), r.Partition, r.Offset, r.Timestamp}
		}
		if at.record != nil || r == records[len(records)-1] {
			s.tell(ctx, at)
		}
	}
	return err
}

// find asks who leads the key's partition.
func (s *scan) find(ctx context.Context) error {
	asked, err := s.c.adm.ListTopics(ctx, s.topic)
	if err = errors.Join(err, asked.Error()); err != nil {
		return err
	}
	topic := asked[s.topic]
	hash := s.c.cfg.Hasher()
	_, _ = hash.Write([]byte(s.key)) // a hash takes everything
	s.partition, s.topicID = int32(hash.Sum32()%uint32(len(topic.Partitions))), topic.ID
	partition := topic.Partitions[s.partition]
	if partition.Err != nil {
		return partition.Err
	}
	s.leader = s.c.cl.Broker(int(partition.Leader))
	return nil
}

// begin asks where since and the last stable offset are.
func (s *scan) begin(ctx context.Context) error {
	const latest = -1
	end, err := s.offset(ctx, latest)
	if err != nil {
		return err
	}
	next, err := s.offset(ctx, max(0, s.since.UnixMilli()))
	if err != nil {
		return err
	}
	if next < 0 { // nothing is as late
		next = end
	}
	s.begun, s.next, s.end = true, next, end
	return nil
}

// offset asks for the first one with a time of at least so many ms, or a later one; -1: there is none.
func (s *scan) offset(ctx context.Context, at int64) (int64, error) {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Partition, partition.Timestamp = s.partition, at
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = readCommitted
	req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: s.topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{partition}}}
	resp, err := s.leader.Request(ctx, req)
	if err != nil {
		return 0, err
	}
	topics := resp.(*kmsg.ListOffsetsResponse).Topics
	if len(topics) != 1 || len(topics[0].Partitions) != 1 {
		return 0, errAnswer
	}
	return topics[0].Partitions[0].Offset, kerr.ErrorForCode(topics[0].Partitions[0].ErrorCode)
}

// fetch reads on from next, and moves it on. What a broker has nothing of before end was compacted away.
func (s *scan) fetch(ctx context.Context) ([]*kgo.Record, error) {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = s.partition, s.next, scanFetchBytes
	req := kmsg.NewPtrFetchRequest()
	req.IsolationLevel, req.MaxBytes = readCommitted, scanFetchBytes
	req.Topics = []kmsg.FetchRequestTopic{{Topic: s.topic, TopicID: s.topicID, Partitions: []kmsg.FetchRequestTopicPartition{partition}}}
	answer, err := s.leader.Request(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, errAnswer
	}
	part := &resp.Topics[0].Partitions[0]
	fetched, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true, Offset: s.next, IsolationLevel: kgo.ReadCommitted(), Topic: s.topic, Partition: s.partition,
	}, part, kgo.DefaultDecompressor(), nil)
	switch {
	case next > s.next:
		s.next = next
	case fetched.Err == nil && resp.ThrottleMillis == 0 && part.LastStableOffset >= s.end:
		s.next = s.end
	case fetched.Err == nil:
		return nil, errAnswer
	}
	return fetched.Records, fetched.Err
}
