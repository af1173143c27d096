package hazards

// What is held here:
//   - every scenario has an embedded Kafka of its own, or names of its own on the one in KAFKA_BROKER_LIST;
//   - each instance has its own way to the brokers, which can be cut;
//   - a wait is for a condition.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/stream"
)

const patience = time.Minute

// leastSession is the shortest that the embedded Kafka allows; a real one's is 6 s by default.
const leastSession = 2 * time.Second

// world is a Kafka, names that no other scenario uses, and the system that is looked at.
type world struct {
	*testing.T
	system         system
	brokers        []string
	fake           *kfake.Cluster // nil: a real Kafka
	session        time.Duration  // after which a silent member is replaced
	group          string
	in, out, table string
	dir            string
	cl             *kgo.Client
	adm            *kadm.Client
}

func newWorld(t *testing.T, s system, fakes ...kfake.Opt) *world {
	t.Helper()
	w := &world{T: t, system: s, session: 6 * time.Second, dir: t.TempDir()}
	if list := os.Getenv("KAFKA_BROKER_LIST"); list != "" {
		w.brokers = strings.Split(list, ",")
	} else {
		fakes = append([]kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(leastSession)}, fakes...)
		fake, err := kfake.NewCluster(fakes...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(fake.Close)
		w.fake, w.brokers = fake, fake.ListenAddrs()
	}
	w.group = fmt.Sprintf("hazard-%d", time.Now().UnixNano())
	w.in, w.out, w.table = w.group+"-in", w.group+"-out", w.group+"-table"
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(s.partitioner()),
		kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	w.cl, w.adm = cl, kadm.NewClient(cl)
	return w
}

// topics makes the group's input, output and table.
func (w *world) topics(partitions int32) {
	w.Helper()
	w.topic(w.in, partitions, nil)
	w.topic(w.out, partitions, nil)
	w.topic(w.table, partitions, map[string]string{"cleanup.policy": "compact"})
}

func (w *world) topic(name string, partitions int32, config map[string]string) {
	w.Helper()
	entries := map[string]*string{}
	for k, v := range config {
		entries[k] = &v
	}
	if _, err := w.adm.CreateTopic(w.Context(), partitions, 1, entries, name); err != nil {
		w.Fatal(err)
	}
	w.await("the brokers know "+name, func() bool {
		ends, err := w.adm.ListEndOffsets(w.Context(), name)
		return err == nil && ends.Error() == nil
	})
	w.Cleanup(func() {
		if _, err := w.adm.DeleteTopic(context.Background(), name); err != nil {
			w.Log(err)
		}
	})
}

// severalBrokers is for scenarios in which one is away.
var severalBrokers = kfake.NumBrokers(5)

// spareBroker takes all work from one broker: it leads none of the group's topics, and coordinates nothing for the
// instance a. Only the embedded Kafka can be told who does what.
func (w *world) spareBroker() int32 {
	w.Helper()
	if w.fake == nil {
		w.Skip("the embedded Kafka can be told which broker does what")
	}
	busy := map[int32]bool{}
	for _, key := range []string{w.group, w.group + "-a-0", w.group + "-a-1"} {
		busy[w.fake.CoordinatorFor(key)] = true
	}
	spare := int32(0)
	for busy[spare] {
		spare++
	}
	w.lead(w.fake.CoordinatorFor(w.group), w.in, w.out, w.table)
	return spare
}

// lead has a broker lead topics of one partition.
func (w *world) lead(broker int32, topics ...string) {
	w.Helper()
	for _, topic := range topics {
		if err := w.fake.MoveTopicPartition(topic, 0, broker); err != nil {
			w.Fatal(err)
		}
	}
}

// accept has a topic take batches up to so many bytes.
func (w *world) accept(topic string, bytes int) {
	w.Helper()
	limit := strconv.Itoa(bytes)
	_, err := w.adm.AlterTopicConfigs(w.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &limit}}, topic)
	if err != nil {
		w.Fatal(err)
	}
	probe := &kgo.Record{Topic: topic, Key: []byte("probe"), Value: make([]byte, bytes/2)}
	w.await("the topic takes what it may", func() bool { return w.cl.ProduceSync(w.Context(), probe).FirstErr() == nil })
}

// send writes a record and waits until it is written.
func (w *world) send(key, value string) {
	w.Helper()
	w.write(w.cl, &kgo.Record{Topic: w.in, Key: []byte(key), Value: []byte(value)})
}

func (w *world) write(cl *kgo.Client, records ...*kgo.Record) {
	w.Helper()
	if err := cl.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// transaction writes a record in a transaction of its own, and ends it.
func (w *world) transaction(end kgo.TransactionEndTry, r *kgo.Record) {
	w.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.TransactionalID(w.group+"-transaction"))
	if err != nil {
		w.Fatal(err)
	}
	defer cl.Close()
	if err := cl.BeginTransaction(); err != nil {
		w.Fatal(err)
	}
	w.write(cl, r)
	if err := cl.EndTransaction(w.Context(), end); err != nil {
		w.Fatal(err)
	}
	w.await("the transaction's marker is written", func() bool {
		ends, err := w.adm.ListEndOffsets(w.Context(), r.Topic)
		if err != nil {
			w.Fatal(err)
		}
		o, _ := ends.Lookup(r.Topic, r.Partition)
		return o.Offset == r.Offset+2
	})
}

// committed is the group's offset of partition 0 of its input; 0: none.
func (w *world) committed() int64 {
	w.Helper()
	offsets, err := w.adm.FetchOffsets(w.Context(), w.group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !kerr.IsRetriable(err) { // a fresh Kafka has no coordinator yet
		w.Fatal(err)
	}
	o, _ := offsets.Lookup(w.in, 0)
	return max(0, o.At)
}

// read returns what is committed in a topic, partition by partition.
func (w *world) read(topic string) []*kgo.Record {
	w.Helper()
	ends, err := w.adm.ListCommittedOffsets(w.Context(), topic)
	if err != nil {
		w.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		w.Fatal(err)
	}
	defer cl.Close()
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	var records []*kgo.Record
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			w.Fatalf("read %d records of %s, ends left: %v", len(records), topic, left)
		}
		for r := range fetches.RecordsAll() {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		}
	}
	return records
}

// values are the values of a topic's records by key, in their order.
func (w *world) values(topic string) map[string][]string {
	w.Helper()
	values := map[string][]string{}
	for _, r := range w.read(topic) {
		values[string(r.Key)] = append(values[string(r.Key)], string(r.Value))
	}
	return values
}

func (w *world) await(what string, condition func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("waited in vain until %s", what)
		}
	}
}

// again does something on n goroutines, again and again until stop, which waits for the last.
func again(n int, do func()) (stop func()) {
	over := make(chan struct{})
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					do()
				}
			}
		})
	}
	return func() {
		close(over)
		all.Wait()
	}
}

// counting is a graph that counts records by key, and emits each count. before comes before a record's writes.
func (w *world) counting(before func(goka.Context), edges ...goka.Edge) *goka.GroupGraph {
	return goka.DefineGroup(goka.Group(w.group), append(edges,
		w.system.input(w.in, new(codec.String), func(ctx goka.Context, _ any) {
			n, _ := ctx.Value().(int64)
			before(ctx)
			ctx.SetValue(n + 1)
			ctx.Emit(goka.Stream(w.out), ctx.Key(), n+1)
		}),
		goka.Output(goka.Stream(w.out), new(codec.Int64)), goka.Persist(new(codec.Int64)))...)
}

// instance is a process, as far as Kafka can tell.
type instance struct {
	*world
	name    string
	dir     string
	net     network
	standby bool                 // plain goka keeps what is not its own, too; ours always does
	metrics *prometheus.Registry // ours
	cluster *stream.Cluster      // ours
}

func (w *world) instance(name string) *instance {
	return &instance{world: w, name: name, dir: filepath.Join(w.dir, name), metrics: prometheus.NewRegistry()}
}
