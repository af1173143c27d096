package stream

// What is held here:
//   - Run goes on until it is told to stop, life after life;
//   - what is asked of a processor from outside reaches only a session that processes, one visit at a time.

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ProcessorConfig of a Processor.
type ProcessorConfig struct {
	// Graph of the group: its inputs, outputs and table. Input, Loop and Visitor are used in place of goka's. Its codecs
	// and callbacks must never fail: an error stops the processor at the same record again and again.
	Graph *goka.GroupGraph
	// Follower is told of the table. Defaults to none.
	Follower Follower
	// CatchUp are the input topics whose records up to the high watermark at the session's start are processed and
	// committed before Follower.Assigned is called. Defaults to none: then it is called right after recovery.
	CatchUp []string
	// Skip says of an input's record that the graph has no use for it: it counts as processed, and goka never sees it. Defaults
	// to none.
	Skip func(topic string, headers Headers) bool
	// Linger is how long records gather after a transaction before the next takes them; what they emit gathers, too, until all
	// callbacks have returned, for five times as long at most. It costs Kafka less where many come and nobody waits for one.
	// Defaults to not at all.
	Linger time.Duration
}

// Headers are a record's.
type Headers []kgo.RecordHeader

// Get is the value of a header; nil if there is none of that name.
func (h Headers) Get(name string) []byte {
	for _, header := range h {
		if header.Key == name {
			return header.Value
		}
	}
	return nil
}

// Processor runs a goka group with the cluster's guarantee.
type Processor struct {
	c     *Cluster
	cfg   ProcessorConfig
	log   logrus.FieldLogger
	group string
	table string
	state state
	lag   *lag
	now   atomic.Pointer[service]
	turn  chan struct{} // of visits

	history history
}

// service is a session that processes, and the goka.Processor it belongs to.
type service struct {
	session   *session
	processor *goka.Processor
}

// NewProcessor returns a Processor that does nothing until Run. Its topics must be there by then (Ensure).
func (c *Cluster) NewProcessor(cfg ProcessorConfig) (*Processor, error) {
	if err := cfg.Graph.Validate(); err != nil {
		return nil, fmt.Errorf("group graph: %w", err)
	}
	if err := checkEdges(cfg.Graph); err != nil {
		return nil, fmt.Errorf("group graph: %w", err)
	}
	group := string(cfg.Graph.Group())
	p := &Processor{
		c: c, cfg: cfg, group: group, history: history{metrics: c.metrics.of(group)}, turn: make(chan struct{}, 1),
	}
	p.log = c.log.WithField("group", p.group)
	if table := cfg.Graph.GroupTable(); table != nil {
		p.table = table.Topic()
	}
	topics := cfg.Graph.InputStreams().Topics()
	if loop := cfg.Graph.LoopStream(); loop != nil {
		topics = append(topics, loop.Topic())
	}
	if p.table != "" {
		topics = append(topics, p.table) // for its ends only: nothing of it is claimed
	}
	p.lag = c.newLag(p.group, topics, func(tp topicPartition) (int64, bool) {
		s := p.now.Load()
		if s == nil || s.session.claims[tp] == nil {
			return 0, false
		}
		return s.session.claims[tp].position(), true
	})
	p.lag.needed = p.needs()
	c.need(p.lag.needed)
	p.state.set(false, "not started")
	return p, nil
}

// needs are what the brokers must allow to a life.
func (p *Processor) needs() []access {
	graph := p.cfg.Graph
	needed := append([]access{{"Read", "group", p.group}}, topicAccess("Read", graph.InputStreams().Topics()...)...)
	for _, other := range []goka.Edges{graph.JointTables(), graph.LookupTables()} {
		needed = append(needed, topicAccess("Read", other.Topics()...)...)
	}
	needed = append(needed, topicAccess("Write", graph.OutputStreams().Topics()...)...)
	for _, own := range []goka.Edge{graph.GroupTable(), graph.LoopStream()} {
		if own != nil {
			needed = append(needed, access{"Read", "topic", own.Topic()}, access{"Write", "topic", own.Topic()})
		}
	}
	if p.c.cfg.Guarantee == ExactlyOnce {
		needed = append(needed, access{"Write", "transactional-id", p.group + "-"})
	}
	return needed
}

// Run processes until ctx ends. It returns nil then, with everything closed; what goes wrong before is logged, and
// processing begins anew. It fails, having left the group, when Config.Dir cannot hold the tables.
func (p *Processor) Run(ctx context.Context) error {
	var looks sync.WaitGroup
	defer looks.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	looks.Go(func() {
		p.lag.run(ctx, func() {
			p.poke()
			p.history.metrics.show(p.Status().Partitions)
		})
	})
	p.state.set(false, "starting")
	err := supervise(ctx, p.log, p.c.explained(p.live, p.lag.needed), func(why string) {
		p.state.set(false, why)
		p.history.fail(time.Now(), why)
	})
	if err == nil {
		p.state.set(false, "stopped")
	}
	return err
}

// serve notes that a session processes, or that none does.
func (p *Processor) serve(s *session, processor *goka.Processor) {
	if s == nil {
		p.now.Store(nil)
		p.state.set(false, "rebalancing")
		p.history.end(time.Now())
		return
	}
	p.history.serve(time.Now())
	p.now.Store(&service{s, processor})
	p.state.set(true, "")
}

// poke has a session look whether it has caught up.
func (p *Processor) poke() {
	if s := p.now.Load(); s != nil {
		s.session.poke()
	}
}

// Health says whether the processor processes, and how far it is behind.
func (p *Processor) Health() Health { return p.state.health(p.lag.behind(time.Now()), p.lag.closed()) }

// VisitAll calls the graph's visitor name for every key of the table's partitions that are ours, with meta. It fails
// when the processor is not ready, or when a rebalance comes before every key was visited; repeating it visits all again.
// One call waits for another: when a visit ends early, goka takes those of all out of its queue and counts them as its own.
func (p *Processor) VisitAll(ctx context.Context, name string, meta any) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s := p.now.Load()
	if s == nil || p.table == "" || !s.session.visits.enter() {
		return fmt.Errorf("visit %s: the processor is not ready, or has no table", name)
	}
	defer s.session.visits.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.session.ctx, cancel)()
	return s.processor.VisitAll(ctx, name, meta)
}
