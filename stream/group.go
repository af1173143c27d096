package stream

// What is held here:
//   - sessions follow each other inside one Consume, because goka sleeps for 5 s after each;
//   - inputs are copartitioned: one member has the same partitions of all of them;
//   - a session begins only when the group's offsets are stable, so whatever the former owner's transaction wrote lies
//     below the high watermark to which its table is recovered;
//   - a rebalance waits for the session's end, which is bounded;
//   - polling never waits for processing.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// fetchWait is how long a broker holds a fetch that finds nothing.
const fetchWait = 500 * time.Millisecond

// group is the sarama.ConsumerGroup of a life.
type group struct {
	life *life
	errs chan error
}

func (l *life) consumerGroup([]string, string, string) (sarama.ConsumerGroup, error) {
	return &group{life: l, errs: make(chan error)}, nil
}

// Errors is part of sarama.ConsumerGroup. Every error ends Consume instead.
func (g *group) Errors() <-chan error { return g.errs }

// Close is part of sarama.ConsumerGroup. Consume has closed everything.
func (g *group) Close() error { return nil }

// Pause is part of sarama.ConsumerGroup; goka does not use it.
func (g *group) Pause(map[string][]int32) {}

// Resume is part of sarama.ConsumerGroup; goka does not use it.
func (g *group) Resume(map[string][]int32) {}

// PauseAll is part of sarama.ConsumerGroup; goka does not use it.
func (g *group) PauseAll() {}

// ResumeAll is part of sarama.ConsumerGroup; goka does not use it.
func (g *group) ResumeAll() {}

// Consume is part of sarama.ConsumerGroup: one membership, session after session, until ctx ends or anything fails.
func (g *group) Consume(ctx context.Context, topics []string, handler sarama.ConsumerGroupHandler) error {
	m := &member{life: g.life, sessions: make(chan *session, 1), over: make(chan struct{})}
	m.ctx, m.fail = context.WithCancelCause(ctx)
	defer m.fail(nil)
	alive, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	m.hangUp = hangUp
	c := g.life.c
	_, err := c.newClient(g.life.group,
		kgo.WithContext(alive),
		kgo.WithHooks(m),
		kgo.ConsumerGroup(g.life.group),
		kgo.ConsumeTopics(topics...),
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchWait),
		kgo.SessionTimeout(c.cfg.SessionTimeout),
		kgo.HeartbeatInterval(c.cfg.HeartbeatInterval),
		kgo.RebalanceTimeout(c.cfg.RebalanceTimeout),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // between a poll and its dispatch
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.AdjustFetchOffsetsFn(m.fetched),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) { m.end(false) }),
		kgo.OnPartitionsLost(func(context.Context, *kgo.Client, map[string][]int32) { m.end(true) }),
	)
	if err != nil {
		return err
	}
	m.tasks.Go(m.poll)
	defer m.leave()
	for {
		select {
		case <-m.ctx.Done():
			if ctx.Err() != nil {
				return nil
			}
			return context.Cause(m.ctx)
		case s := <-m.sessions:
			if err := s.run(handler); err != nil {
				return err
			}
		}
	}
}

// member is one client's membership in the group.
type member struct {
	life     *life
	cl       *kgo.Client
	ctx      context.Context
	fail     context.CancelCauseFunc
	hangUp   context.CancelFunc // ends what the client asks
	current  atomic.Pointer[session]
	sessions chan *session
	over     chan struct{} // no session will run any more
	tasks    sync.WaitGroup
}

// OnNewClient is kgo's hook that comes before the first callback.
func (m *member) OnNewClient(cl *kgo.Client) { m.cl = cl }

// leave leaves the group, and does not wait long for a Kafka that is away.
func (m *member) leave() {
	m.fail(nil)
	close(m.over)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := m.cl.LeaveGroupContext(ctx); err != nil {
		m.life.log.WithError(err).Warn("left the group without its coordinator's knowledge")
		m.hangUp() // Close would wait for answers
	}
	m.cl.Close()
	m.tasks.Wait()
	m.cl.AllowRebalance() // a goroutine of Close may wait for it still, and nobody polls any more
}

func (m *member) assigned(_ context.Context, _ *kgo.Client, of map[string][]int32) {
	switch {
	case len(of) == 0: // more members than partitions
		m.begin(nil, nil)
	case m.life.c.cfg.Guarantee == ExactlyOnce:
		m.tasks.Go(func() { m.life.fence(m.ctx) })
	}
}

// fetched is called with the committed offsets once they are stable.
func (m *member) fetched(
	ctx context.Context, offsets map[string]map[int32]kgo.Offset,
) (map[string]map[int32]kgo.Offset, error) {
	marks, err := m.own(ctx, offsets)
	if err != nil {
		return nil, err
	}
	m.begin(offsets, marks)
	return offsets, nil
}

func (m *member) begin(offsets map[string]map[int32]kgo.Offset, marks map[string]string) {
	s := m.newSession(offsets, marks)
	m.current.Store(s)
	select {
	case m.sessions <- s:
	case <-m.over:
	}
}

// end ends the session while the group waits.
func (m *member) end(lost bool) {
	s := m.current.Swap(nil)
	if s == nil {
		return
	}
	if lost {
		s.lost.Store(true)
	}
	s.cancel()
	select {
	case <-s.ended:
	case <-m.over:
	}
}

func (m *member) poll() {
	for m.ctx.Err() == nil {
		fetches := m.cl.PollRecords(m.ctx, 10_000)
		fetches.EachError(func(topic string, partition int32, err error) {
			switch {
			case errors.Is(err, context.Canceled):
			case topic == "": // not a partition's, but the membership's
				m.fail(err)
			default:
				m.fail(fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
			}
		})
		if s := m.current.Load(); s != nil {
			fetches.EachPartition(func(f kgo.FetchTopicPartition) {
				if c := s.claims[topicPartition{f.Topic, f.Partition}]; c != nil && len(f.Records) > 0 {
					c.add(f.Records, f.HighWatermark)
				}
			})
			s.poke()
		}
		m.cl.AllowRebalance()
	}
}
