package stream

// What is held here:
//   - a session is what a member does with its partitions between two rebalances: recover, process in cycles, let go;
//   - records are handed over only while a cycle is young, and a cycle ends as soon as all of them are finished;
//   - at its end what is finished is committed if it is a clean prefix, and left otherwise: nothing is rewound;
//   - a follower has let go of its partitions before the group may give them to another member.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A cycle takes no more records after cycleAge or cycleRecords. Under load that makes transactions worth their price;
// without load a cycle ends with what one look found. One that lingers is young for so long, and until what it emitted
// leaves.
const (
	cycleAge     = 10 * time.Millisecond
	cycleRecords = 2000
)

// session is a sarama.ConsumerGroupSession.
type session struct {
	life       *life
	cl         *kgo.Client
	ctx        context.Context
	cancel     context.CancelFunc
	memberID   string
	generation int32
	marks      map[string]string // metadata of committed offsets, by topic
	claims     map[topicPartition]*claim
	follows    *follows
	work       chan struct{} // asks drive to look
	lost       atomic.Bool   // the partitions may be another's already
	ended      chan struct{}
	visits     gate
}

func (m *member) newSession(offsets map[string]map[int32]kgo.Offset, marks map[string]string) *session {
	s := &session{
		life: m.life, cl: m.cl, marks: marks,
		claims: map[topicPartition]*claim{}, work: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(m.ctx)
	s.memberID, s.generation = m.cl.GroupMetadata()
	for topic, partitions := range offsets {
		for partition, offset := range partitions {
			tp := topicPartition{topic, partition}
			s.claims[tp] = newClaim(tp, offset.EpochOffset().Offset, m.life.cfg.Skip, func(pause bool) {
				if of := map[string][]int32{topic: {partition}}; pause {
					m.cl.PauseFetchPartitions(of)
				} else {
					m.cl.ResumeFetchPartitions(of)
				}
			})
		}
	}
	s.follows = newFollows(m.life, s)
	return s
}

// Claims is part of sarama.ConsumerGroupSession.
func (s *session) Claims() map[string][]int32 {
	of := map[string][]int32{}
	for tp := range s.claims {
		of[tp.topic] = append(of[tp.topic], tp.partition)
	}
	return of
}

// MemberID is part of sarama.ConsumerGroupSession.
func (s *session) MemberID() string { return s.memberID }

// GenerationID is part of sarama.ConsumerGroupSession.
func (s *session) GenerationID() int32 { return s.generation }

// Context is part of sarama.ConsumerGroupSession.
func (s *session) Context() context.Context { return s.ctx }

// Commit is part of sarama.ConsumerGroupSession; cycles commit.
func (s *session) Commit() {}

// ResetOffset is part of sarama.ConsumerGroupSession; goka does not use it.
func (s *session) ResetOffset(string, int32, int64, string) {}

// MarkMessage is part of sarama.ConsumerGroupSession.
func (s *session) MarkMessage(m *sarama.ConsumerMessage, _ string) {
	s.MarkOffset(m.Topic, m.Partition, m.Offset+1, "")
}

// MarkOffset is part of sarama.ConsumerGroupSession. goka means "all before next is finished"; what is true is that the
// record before next is.
func (s *session) MarkOffset(topic string, partition int32, next int64, _ string) {
	if c := s.claims[topicPartition{topic, partition}]; c != nil && c.mark(next-1) {
		s.life.cycle.finish()
	}
}

func (s *session) poke() { nudge(s.work) }

// nudge has whoever waits for the channel look, now or when it is back.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run is the whole session. An error ends the life.
func (s *session) run(handler sarama.ConsumerGroupHandler) error {
	defer close(s.ended)
	defer s.cancel()
	// When the session is over, Kafka has a quarter of what the group allows; then every emit that waits fails, because
	// goka does not stop before it has the answer to each.
	late, giveUp := linger(s.ctx, s.life.c.cfg.RebalanceTimeout/4)
	defer giveUp()
	defer context.AfterFunc(late, s.life.cycle.close)()

	s.life.history.begin(s)
	s.life.cycle.wakes(s.poke)
	var failed error
	if s.life.replica != nil {
		failed = s.life.replica.own(s.ctx, s.partitions(), s.generation)
	}
	if failed == nil {
		failed = handler.Setup(s)
	}
	if failed == nil {
		failed = s.follows.begin(s.ctx)
	}
	var claims, follower sync.WaitGroup
	follower.Go(func() { // as soon as the session is over, whatever a commit that is under way still waits for
		<-s.ctx.Done()
		s.follows.end()
	})
	if failed == nil {
		s.life.serving(s)
		for _, c := range s.claims {
			claims.Go(func() {
				_ = handler.ConsumeClaim(s, c) // what goes wrong is in Cleanup's error
				s.cancel()                     // the first that ends ends all
			})
		}
		s.drive(late)
	} else if s.ctx.Err() != nil {
		failed = nil // a rebalance came first
	}
	s.cancel()
	s.life.cycle.hurry()
	s.life.serving(nil)
	if failed != nil || s.lost.Load() || s.life.cycle.failure() != nil {
		giveUp() // nothing will be committed
	}
	s.visits.shut()
	claims.Wait() // goka closes what they send to
	for _, c := range s.claims {
		c.close()
	}
	failed = s.finish(late, errors.Join(failed, handler.Cleanup(s)))
	follower.Wait()
	s.life.stores.drop()
	return failed
}

// linger returns a context that ends d after ctx, or when it is cancelled.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		sleep(late, d)
		cancel()
	})
	return late, cancel
}

// finish commits what is finished. When it may not or cannot, it says why.
func (s *session) finish(ctx context.Context, failed error) error {
	unfinished, holes := 0, false
	for _, c := range s.claims {
		n, hole := c.unfinished()
		unfinished += n
		holes = holes || hole
	}
	if failed == nil && !holes && !s.lost.Load() {
		s.life.cycle.forget(unfinished)
		if s.commit(ctx) {
			return nil
		}
	}
	s.life.history.leave()
	cause := s.life.cycle.failure()
	switch {
	case cause != nil && !errors.Is(cause, errEnded):
		return cause
	case cause == nil && failed != nil:
		return failed
	case s.lost.Load():
		return errors.New("the group went on without this member")
	}
	return errors.Join(errors.New("the session ended before everything was acknowledged"), failed)
}

// drive hands records over and ends cycles until the session ends or something fails. A commit under way may take until
// late ends.
func (s *session) drive(late context.Context) {
	var begun time.Time         // when the cycle got its first record
	var rested <-chan time.Time // the next cycle may take records; nil: at once
	handed := 0
	linger := s.life.cfg.Linger
	for {
		s.follows.look()
		select {
		case <-s.ctx.Done():
			return
		case <-s.work:
		case <-rested:
			rested = nil
		}
		young := handed < cycleRecords && time.Since(begun) < max(cycleAge, linger) && !s.life.cycle.leaves()
		settled, emitted := s.life.cycle.settled()
		if settled && (handed > 0 || emitted) && !(young && s.ready()) {
			if s.ctx.Err() != nil {
				return // from here on goka takes failures for an end, and marks what failed
			}
			if s.commit(late) {
				handed = 0
				if linger > 0 {
					rested = time.After(linger)
				}
			}
		}
		if s.life.cycle.failure() != nil {
			return
		}
		if handed == 0 {
			begun, young = time.Now(), rested == nil
		}
		if young {
			for _, c := range s.claims {
				handed += c.hand(cycleRecords-handed, s.life.cycle.hand)
			}
			if settled, _ := s.life.cycle.settled(); settled && handed > 0 {
				s.poke() // control records only: nothing will be finished
			}
		}
	}
}

// ready says whether fetched records wait to be handed over.
func (s *session) ready() bool {
	for _, c := range s.claims {
		if c.ready() {
			return true
		}
	}
	return false
}

// commit makes the cycle everybody's: offsets and records in Kafka, then the local store, then the follower. False: it
// is not settled or failed.
func (s *session) commit(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.life.c.cfg.TransactionTimeout)
	defer cancel()
	return s.life.cycle.end(func(on *lane, begun bool, since time.Time) error {
		offsets := map[topicPartition]int64{}
		for tp, c := range s.claims {
			if next, moved := c.uncommitted(); moved {
				offsets[tp] = next
			}
		}
		var err error
		if begun && on.transaction != "" {
			s.vouch(offsets)
			err = on.commit(ctx, offsets, s)
		} else {
			err = s.commitOffsets(ctx, offsets)
		}
		if err != nil {
			return err
		}
		records := 0
		for tp, next := range offsets {
			records += s.claims[tp].commit(next)
		}
		rows, err := s.life.stores.flush()
		if err != nil {
			return err
		}
		if !since.IsZero() { // the session may end where the last cycle did
			s.life.history.commit(records, time.Since(since))
		}
		s.follows.committed(rows)
		return nil
	})
}

// vouch makes sure that a transaction has an offset, if only one that is committed already: with it the coordinator looks
// whether this member is still one. A visit's writes come without.
func (s *session) vouch(offsets map[topicPartition]int64) {
	for tp, c := range s.claims {
		if len(offsets) > 0 {
			return
		}
		next, _ := c.uncommitted()
		offsets[tp] = max(next, 0) // at the log's start, wherever that is by now
	}
}

// commitOffsets is a commit without a transaction: where none is wanted, or where nothing was emitted.
func (s *session) commitOffsets(ctx context.Context, offsets map[topicPartition]int64) error {
	if len(offsets) == 0 {
		return nil
	}
	of := map[string]map[int32]kgo.EpochOffset{}
	for tp, offset := range offsets {
		if of[tp.topic] == nil {
			of[tp.topic] = map[int32]kgo.EpochOffset{}
		}
		of[tp.topic][tp.partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	var refused error
	s.cl.CommitOffsetsSync(marked(ctx, s.marks), of,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			if refused = err; err != nil {
				return
			}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
						refused = fmt.Errorf("%s/%d: %w", t.Topic, p.Partition, err)
					}
				}
			}
		})
	if refused != nil {
		return fmt.Errorf("commit offsets: %w", refused)
	}
	return nil
}
