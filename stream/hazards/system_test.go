package hazards

// What is held here:
//   - plain goka is configured as sensibly as it can be, with sarama as it comes;
//   - ours is stream with its defaults, but for times that make failures shorter.

import (
	"context"
	"fmt"
	"iter"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/stream"
	"countersign/topics"
)

// system is goka as it comes, or stream.
type system interface {
	name() string
	shows() bool // that it has the hazards
	partitioner() kgo.Partitioner
	// process runs a graph. assigned, if not nil, is told that partitions are the instance's, and how many rows with the
	// keys k0 to k9 can be read then.
	process(i *instance, graph *goka.GroupGraph, assigned func(rows int)) (*running, error)
	view(i *instance, topic string, update goka.UpdateCallback) (*viewing, error)
	emitter(i *instance, topic string) func(key string) error
	numbers() goka.Codec // for input that may hold something else
	input(topic string, codec goka.Codec, callback goka.ProcessCallback) goka.Edge
	visitor(name string, callback goka.ProcessCallback) goka.Edge
}

func systems() []system { return []system{plain{}, ours{}} }

// plain is goka as it comes.
type plain struct{}

func (plain) name() string { return "plain" }
func (plain) shows() bool  { return true }

func (plain) partitioner() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(func(key []byte) uint32 {
		h := goka.DefaultHasher()()
		h.Write(key)
		return h.Sum32()
	}))
}

func (plain) numbers() goka.Codec { return new(codec.Int64) }

func (plain) input(topic string, codec goka.Codec, callback goka.ProcessCallback) goka.Edge {
	return goka.Input(goka.Stream(topic), codec, callback)
}

func (plain) visitor(name string, callback goka.ProcessCallback) goka.Edge {
	return goka.Visitor(name, callback)
}

// config is a new one each time, because goka's builders change what they are given.
func (plain) config(i *instance) *sarama.Config {
	c := goka.DefaultConfig()
	c.Version = sarama.V2_8_0_0
	c.Metadata.AllowAutoTopicCreation = false
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, &i.net
	c.Net.MaxOpenRequests = 1
	c.Net.ReadTimeout = 12 * time.Second
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Producer.Compression = sarama.CompressionNone
	c.Producer.Flush.Frequency, c.Producer.Flush.Bytes = 0, 0
	c.Producer.Retry.Max = 50
	c.Producer.Retry.BackoffFunc = func(retries, _ int) time.Duration {
		return min(time.Duration(retries)*100*time.Millisecond, time.Second)
	}
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	c.Consumer.Retry.Backoff = 250 * time.Millisecond
	c.Consumer.Group.Session.Timeout = i.session
	c.Consumer.Group.Heartbeat.Interval = i.session / 6
	c.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	return c
}

func (p plain) process(i *instance, graph *goka.GroupGraph, assigned func(int)) (*running, error) {
	var processor *goka.Processor
	options := []goka.ProcessorOption{
		goka.WithRebalanceCallback(func(goka.Assignment) {
			if assigned == nil {
				return
			}
			rows := 0
			for k := range 10 {
				if value, err := processor.Get(fmt.Sprint("k", k)); err == nil && value != nil {
					rows++
				}
			}
			assigned(rows)
		}),
		goka.WithLogger(i),
		goka.WithStorageBuilder(storage.DefaultBuilder(i.dir)),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(p.config(i), goka.NewTopicManagerConfig())),
		goka.WithConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(p.config(i))),
		goka.WithConsumerGroupBuilder(goka.ConsumerGroupBuilderWithConfig(p.config(i))),
		goka.WithProducerBuilder(goka.ProducerBuilderWithConfig(p.config(i))),
	}
	if i.standby {
		options = append(options, goka.WithHotStandby())
	}
	processor, err := goka.NewProcessor(i.brokers, graph, options...)
	if err != nil {
		return nil, err
	}
	states := processor.StateReader().ObserveStateChange()
	var readied atomic.Bool
	go func() {
		for state := range states.C() {
			if state == goka.ProcStateRunning {
				readied.Store(true)
			}
		}
	}()
	i.Cleanup(states.Stop)
	r := i.run(processor.Run)
	r.ready, r.readied, r.visit = processor.Recovered, readied.Load, processor.VisitAll
	r.behind = func() bool {
		for _, of := range processor.Stats().Group {
			if of.Input[i.in] != nil && of.Input[i.in].OffsetLag > 0 {
				return true
			}
		}
		return false
	}
	return r, nil
}

func (p plain) view(i *instance, topic string, update goka.UpdateCallback) (*viewing, error) {
	v, err := goka.NewView(i.brokers, goka.Table(topic), new(codec.Int64),
		goka.WithViewLogger(i),
		goka.WithViewStorageBuilder(storage.DefaultBuilder(i.dir)),
		goka.WithViewTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(p.config(i), goka.NewTopicManagerConfig())),
		goka.WithViewConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(p.config(i))),
		goka.WithViewCallback(update),
	)
	if err != nil {
		return nil, err
	}
	r := i.run(v.Run)
	r.ready = v.Recovered
	return &viewing{r, v.Get}, nil
}

func (p plain) emitter(i *instance, topic string) func(string) error {
	i.Helper()
	e, err := goka.NewEmitter(i.brokers, goka.Stream(topic), new(codec.Bytes),
		goka.WithEmitterProducerBuilder(goka.ProducerBuilderWithConfig(p.config(i))))
	if err != nil {
		i.Fatal(err)
	}
	return func(key string) error {
		_, err := e.Emit(key, kilobyte)
		return err
	}
}

// Print, Printf and Println have an instance be plain goka's log.
func (i *instance) Print(args ...any)                 { i.Log(args...) }
func (i *instance) Println(args ...any)               { i.Log(args...) }
func (i *instance) Printf(format string, args ...any) { i.Logf(format, args...) }

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
		SessionTimeout: i.session, HeartbeatInterval: i.session / 6,
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

func (o ours) emitter(i *instance, topic string) func(string) error {
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
	return func(key string) error { return e.Emit(i.Context(), topic, key, kilobyte, nil) }
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

// running is a processor or a view that runs.
type running struct {
	*instance
	stop  func()
	ended chan struct{} // it ran
	ready func() bool

	// Of processors:
	readied func() bool // it has said that it is ready, if only for a moment
	behind  func() bool // it says that it is behind
	visit   func(ctx context.Context, name string, meta any) error
}

// viewing is a view that runs.
type viewing struct {
	*running
	get func(key string) (any, error)
}

// process runs a graph on the instance's system.
func (i *instance) process(graph *goka.GroupGraph) *running {
	i.Helper()
	r, err := i.system.process(i, graph, nil)
	if err != nil {
		i.Fatal(err)
	}
	return r
}

// view runs a view of counts on the instance's system.
func (i *instance) view(topic string, update goka.UpdateCallback) *viewing {
	i.Helper()
	v, err := i.system.view(i, topic, update)
	if err != nil {
		i.Fatal(err)
	}
	return v
}

// run runs something until it is told to stop, at the latest with the test. What plain goka says at its end is not
// looked at.
func (i *instance) run(run func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{instance: i, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		err := run(ctx)
		i.Logf("%s ended: %v", i.name, err)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-r.ended:
		case <-time.After(patience):
			i.Errorf("%s does not stop", i.name)
		}
	})
	i.Cleanup(r.stop)
	return r
}

// over says whether it ended by itself.
func (r *running) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// restarts is how often ours began anew on this instance; plain goka never does.
func (i *instance) restarts() int {
	families, _ := i.metrics.Gather()
	for _, f := range families {
		if f.GetName() == "countersign_stream_restarts_total" {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}

// kilobyte is a value.
var kilobyte = make([]byte, 1<<10)

// network is an instance's way to the brokers.
type network struct {
	mu     sync.Mutex
	refuse func(address string) bool // nil: nothing
	conns  []net.Conn
	silent atomic.Bool // no answers come
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != nil && n.refuse(address) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	n.conns = append(n.conns, conn)
	return answers{conn, n}, nil
}

// answers is a connection over which nothing comes while its network is silent.
type answers struct {
	net.Conn
	n *network
}

func (a answers) Read(b []byte) (int, error) {
	for {
		n, err := a.Conn.Read(b)
		if err != nil || !a.n.silent.Load() {
			return n, err
		}
	}
}

// Dial has a network be sarama's proxy.
func (n *network) Dial(network, address string) (net.Conn, error) {
	return n.dial(context.Background(), network, address)
}

// cut ends every connection and refuses new ones until mend.
func (n *network) cut() { n.set(func(string) bool { return true }) }

// cutOff is cut for one broker.
func (n *network) cutOff(broker string) { n.set(func(to string) bool { return to == broker }) }

// mend ends every connection and allows new ones.
func (n *network) mend() {
	n.silent.Store(false)
	n.set(nil)
}

func (n *network) set(refuse func(string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuse = refuse
	for _, conn := range n.conns {
		conn.Close()
	}
	n.conns = nil
}
