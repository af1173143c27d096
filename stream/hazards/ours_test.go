package hazards

// What is held here:
//   - ours is stream as the product runs it, but for times that make failures shorter.

import (
	"iter"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/stream"
	"countersign/topics"
)

// ours is stream.
type ours struct{}

func (ours) name() string { return "ours" }
func (ours) shows() bool  { return false }

func (ours) partitioner() kgo.Partitioner { return kgo.StickyKeyPartitioner(nil) }

func (ours) numbers() goka.Codec { return topics.Codec[int64]{} }

func (ours) input(topic string, codec goka.Codec, callback goka.ProcessCallback) goka.Edge {
	return stream.Input(goka.Stream(topic), codec, callback)
}

func (ours) visitor(name string, callback goka.ProcessCallback) goka.Edge {
	return stream.Visitor(name, callback)
}

// cluster is the instance's, dialled once.
func (ours) cluster(i *instance) (*stream.Cluster, error) {
	if i.cluster != nil {
		return i.cluster, nil
	}
	log := logrus.New()
	log.SetOutput(i.Output())
	c, err := stream.Dial(i.Context(), stream.Config{
		Brokers: i.brokers, Instance: i.name, Dir: i.dir, Hasher: topics.Hasher, Log: log.WithField("instance", i.name),
		HotStandby: true, RecoverAhead: true, SessionTimeout: i.session, HeartbeatInterval: i.session / 20,
		RebalanceTimeout: 4 * time.Second, TransactionTimeout: 4 * time.Second,
		ClientOptions: []kgo.Opt{kgo.Dialer(i.net.dial)}, Registry: i.metrics,
	})
	if err == nil {
		i.Cleanup(c.Close)
		i.cluster = c
	}
	return c, err
}

func (o ours) process(i *instance, graph *goka.GroupGraph, assigned func(int)) (*running, error) {
	c, err := o.cluster(i)
	if err != nil {
		return nil, err
	}
	cfg := stream.ProcessorConfig{Graph: graph}
	if assigned != nil {
		cfg.Follower = follower(assigned)
	}
	p, err := c.NewProcessor(cfg)
	if err != nil {
		return nil, err
	}
	r := i.run(p.Run)
	r.ready, r.visit = func() bool { return p.Health().Ready }, p.VisitAll
	r.readied = r.ready
	r.behind = func() bool { return p.Health().Behind > 0 }
	return r, nil
}

func (o ours) view(i *instance, topic string, update goka.UpdateCallback) (*viewing, error) {
	c, err := o.cluster(i)
	if err != nil {
		return nil, err
	}
	v, err := c.NewView(stream.ViewConfig{Topic: topic, Codec: new(codec.Int64), Update: update})
	if err != nil {
		return nil, err
	}
	r := i.run(v.Run)
	r.ready = func() bool { return v.Health().Ready }
	return &viewing{r, v.Get}, nil
}

func (o ours) emitter(i *instance, topic string) func(string, []byte) error {
	i.Helper()
	c, err := o.cluster(i)
	if err != nil {
		i.Fatal(err)
	}
	e, err := c.NewEmitter(stream.EmitterConfig{AckTimeout: time.Second})
	if err != nil {
		i.Fatal(err)
	}
	i.Cleanup(e.Close)
	return func(key string, value []byte) error { return e.Emit(i.Context(), topic, key, value, nil) }
}

// follower calls itself with the rows of each partition that is assigned.
type follower func(rows int)

// Assigned is part of stream.Follower.
func (f follower) Assigned(_ int32, rows iter.Seq2[string, []byte]) {
	n := 0
	for range rows {
		n++
	}
	f(n)
}

// Committed is part of stream.Follower.
func (follower) Committed(int32, string, []byte) {}

// Revoked is part of stream.Follower.
func (follower) Revoked(int32) {}
