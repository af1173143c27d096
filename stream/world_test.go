package stream

import (
	"context"
	"fmt"
	"hash"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"), // ends 1 s after its database
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),  // sarama's
	)
}

const patience = time.Minute

// world is a Kafka (the embedded one, or the one in KAFKA_BROKER_LIST) and names that no other test uses.
type world struct {
	t         *testing.T
	brokers   []string
	fake      *kfake.Cluster // nil: a real Kafka
	guarantee Guarantee
	group     string
	in, out   string
	dir       string
	standby   bool // and recovering ahead
	net       *network
	admin     *Cluster
	sent      atomic.Int64
	keys      map[string]int // records sent by key
}

// eachGuarantee runs a test under both.
func eachGuarantee(t *testing.T, test func(*testing.T, *world)) {
	t.Parallel()
	for _, g := range []Guarantee{ExactlyOnce, AtLeastOnce} {
		t.Run(string(g), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, g))
		})
	}
}

func newWorld(t *testing.T, g Guarantee) *world {
	t.Helper()
	w := &world{t: t, guarantee: g, dir: t.TempDir(), standby: true, net: &network{}, keys: map[string]int{}}
	if list := os.Getenv("KAFKA_BROKER_LIST"); list != "" {
		w.brokers = strings.Split(list, ",")
	} else {
		fake, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(fake.Close)
		w.fake, w.brokers = fake, fake.ListenAddrs()
	}
	w.group = fmt.Sprintf("stream-test-%s-%d", g, time.Now().UnixNano())
	w.in, w.out = w.group+"-in", w.group+"-out"
	w.admin = w.dial("admin")
	w.ensure(Topic{Name: w.in, Partitions: 4}, Topic{Name: w.out, Partitions: 4},
		Topic{w.group + "-table", 4, map[string]string{"cleanup.policy": "compact"}})
	return w
}

func (w *world) ensure(topics ...Topic) {
	w.t.Helper()
	if err := w.admin.Ensure(w.t.Context(), topics); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		for _, topic := range topics {
			if _, err := w.admin.adm.DeleteTopic(context.Background(), topic.Name); err != nil {
				w.t.Log(err)
			}
		}
	})
}

// dial connects as an instance, through the world's network.
func (w *world) dial(instance string) *Cluster {
	w.t.Helper()
	log := logrus.New()
	log.SetOutput(w.t.Output())
	c, err := Dial(w.t.Context(), Config{
		Brokers: w.brokers, Instance: instance, Dir: filepath.Join(w.dir, instance), Guarantee: w.guarantee,
		Hasher: newHasher, Log: log.WithField("instance", instance), RebalanceTimeout: 4 * time.Second,
		HotStandby: w.standby, RecoverAhead: w.standby,
		ClientOptions: []kgo.Opt{kgo.Dialer(w.net.dial)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// send produces n records over 200 keys.
func (w *world) send(n int) {
	w.t.Helper()
	for i := range n {
		w.produce(&kgo.Record{Topic: w.in, Key: fmt.Appendf(nil, "k%d", i%200), Value: []byte("1")})
	}
}

// trickle is send over time, as a load that goes on while members come and go.
func (w *world) trickle(n int, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		w.produce(&kgo.Record{Topic: w.in, Key: fmt.Appendf(nil, "k%d", i%200), Value: []byte("1")})
	}
}

func (w *world) produce(r *kgo.Record) {
	w.keys[string(r.Key)]++
	w.sent.Add(1)
	producer := w.producer()
	producer.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			w.t.Errorf("produce: %v", err)
		}
	})
}

// producer is the world's own, one a test.
func (w *world) producer() *kgo.Client {
	w.net.once.Do(func() {
		cl, err := w.admin.newClient("test", w.admin.producing()...)
		if err != nil {
			w.t.Fatal(err)
		}
		w.net.producer = cl
		w.t.Cleanup(func() {
			if err := cl.Flush(context.Background()); err != nil {
				w.t.Error(err)
			}
			cl.Close()
		})
	})
	return w.net.producer
}

// counting is a graph that counts records by key, and emits each count.
func (w *world) counting(edges ...goka.Edge) *goka.GroupGraph { return w.countingBut(nil, edges...) }

// countingBut is counting with something that happens after a record's emits.
func (w *world) countingBut(after func(goka.Context), edges ...goka.Edge) *goka.GroupGraph {
	count := func(ctx goka.Context, _ any) {
		n, _ := ctx.Value().(int)
		ctx.SetValue(n + 1)
		ctx.Emit(goka.Stream(w.out), ctx.Key(), n+1)
		if after != nil {
			after(ctx)
		}
	}
	return goka.DefineGroup(goka.Group(w.group), append(edges,
		Input(goka.Stream(w.in), textCodec{}, count),
		goka.Output(goka.Stream(w.out), intCodec{}), goka.Persist(intCodec{}),
		Visitor("add", func(ctx goka.Context, n any) { ctx.SetValue(ctx.Value().(int) + n.(int)) }))...)
}

// running is a processor or a view that runs.
type running struct {
	t    *testing.T
	stop func()
}

func start(t *testing.T, run func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	r := &running{t: t}
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(patience):
			t.Error("does not stop")
		}
	})
	t.Cleanup(r.stop)
	return r
}

// process runs a processor and waits until it is ready.
func (w *world) process(c *Cluster, cfg ProcessorConfig) (*Processor, *running) {
	w.t.Helper()
	p, err := c.NewProcessor(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	r := start(w.t, p.Run)
	w.await("the processor is ready", func() bool { return p.Health().Ready })
	return p, r
}

// view runs a view of the group's table and waits until it is ready.
func (w *world) view(c *Cluster, cfg ViewConfig) (*View, *running) {
	w.t.Helper()
	if cfg.Topic == "" {
		cfg.Topic, cfg.Codec = w.group+"-table", intCodec{}
	}
	v, err := c.NewView(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	r := start(w.t, v.Run)
	w.await("the view is ready", func() bool { return v.Health().Ready })
	return v, r
}

func (w *world) await(what string, condition func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// counted is how many records the view has counted; -1 while it cannot be read.
func counted(v *View) int {
	total := 0
	for row, err := range v.Rows("", "") {
		if err != nil {
			return -1
		}
		total += row.Value.(int)
	}
	return total
}

// awaitCounted waits until the view has counted every record at least once.
func (w *world) awaitCounted(v *View) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("the view counts %d records, %d were sent", counted(v), w.sent.Load())
		}
	}()
	w.await("the view counts what was sent", func() bool { return counted(v) >= int(w.sent.Load()) })
}

// awaitExact waits until the view has counted every record, and looks at each key.
func (w *world) awaitExact(v *View) {
	w.t.Helper()
	w.awaitCounted(v)
	for key, n := range w.keys {
		if have, err := v.Get(key); err != nil || have != n {
			w.t.Errorf("view: %s is %v (%v), want %d", key, have, err, n)
		}
	}
}

// checkEvents reads what is committed in the output topic: each key's counts 1, 2, 3 … and nothing else.
func (w *world) checkEvents() {
	w.t.Helper()
	last := map[string]int{}
	for _, r := range w.read(w.out, int(w.sent.Load())) {
		n, err := strconv.Atoi(string(r.Value))
		if err != nil || n != last[string(r.Key)]+1 {
			w.t.Fatalf("event %q of %s follows %d", r.Value, r.Key, last[string(r.Key)])
		}
		last[string(r.Key)] = n
	}
	for key, n := range w.keys {
		if last[key] != n {
			w.t.Errorf("%s has %d events, want %d", key, last[key], n)
		}
	}
}

// read returns the committed records of a topic up to its end, at least n of them.
func (w *world) read(topic string, n int) []*kgo.Record {
	w.t.Helper()
	_, ends, err := w.admin.bounds(w.t.Context(), []string{topic})
	if err != nil {
		w.t.Fatal(err)
	}
	cl, err := w.admin.newClient("read", kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var records []*kgo.Record
	for tp, end := range ends {
		if end == 0 {
			delete(ends, tp)
		}
	}
	for len(ends) > 0 {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			w.t.Fatalf("read %d of at least %d records of %s, ends left: %v", len(records), n, topic, ends)
		}
		for r := range fetches.RecordsAll() {
			tp := topicPartition{r.Topic, r.Partition}
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= ends[tp] {
				delete(ends, tp)
			}
		}
	}
	if len(records) < n {
		w.t.Fatalf("%s has %d records, want at least %d", topic, len(records), n)
	}
	return records
}

// intCodec and textCodec are the codecs of the tests.
type intCodec struct{}

func (intCodec) Encode(v any) ([]byte, error) { return strconv.AppendInt(nil, int64(v.(int)), 10), nil }
func (intCodec) Decode(b []byte) (any, error) { return strconv.Atoi(string(b)) }

type textCodec struct{}

func (textCodec) Encode(v any) ([]byte, error) { return []byte(v.(string)), nil }
func (textCodec) Decode(b []byte) (any, error) { return string(b), nil }

// newHasher asks the producers' partitioner for the hash itself.
func newHasher() hash.Hash32 { return &hasher{} }

type hasher struct{ key []byte }

func (h *hasher) Write(b []byte) (int, error) { h.key = append(h.key, b...); return len(b), nil }
func (h *hasher) Reset()                      { h.key = nil }
func (h *hasher) Size() int                   { return 4 }
func (h *hasher) BlockSize() int              { return 1 }
func (h *hasher) Sum(b []byte) []byte         { return b }
func (h *hasher) Sum32() uint32 {
	key := append([]byte{}, h.key...)
	return uint32(kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: key}, math.MaxInt32))
}

// network is the way to the brokers.
type network struct {
	once     sync.Once
	producer *kgo.Client

	mu    sync.Mutex
	state networkState
	conns []net.Conn
}

type networkState int

const (
	whole networkState = iota
	cut                // nothing connects
	mute               // nothing is answered
	lossy              // nothing arrives
)

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state == cut {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	n.conns = append(n.conns, conn)
	return &mutable{conn, n}, nil
}

func (n *network) set(to networkState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state = to; to == mute || to == lossy {
		return
	}
	for _, conn := range n.conns {
		conn.Close()
	}
	n.conns = nil
}

// mutable is a connection over which no answers come while the network is mute, and nothing goes while it is lossy.
type mutable struct {
	net.Conn
	n *network
}

func (c *mutable) Write(b []byte) (int, error) {
	c.n.mu.Lock()
	lost := c.n.state == lossy
	c.n.mu.Unlock()
	if lost {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *mutable) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		c.n.mu.Lock()
		muted := c.n.state == mute
		c.n.mu.Unlock()
		if err != nil || !muted {
			return n, err
		}
	}
}
