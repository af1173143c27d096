package processors_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
	"countersign/views"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// partitions of every topic.
const partitions = 2

// world is a Kafka with the topics (the embedded one, or the one in KAFKA_BROKER_LIST), and what a test does with it.
type world struct {
	t         *testing.T
	log       *logrus.Logger
	brokers   []string
	guarantee stream.Guarantee
	cluster   *stream.Cluster
	client    *kgo.Client
}

func newWorld(t *testing.T, guarantee stream.Guarantee) *world {
	t.Helper()
	w := &world{t: t, log: logrus.New()}
	w.log.SetOutput(io.Discard)
	list := os.Getenv("KAFKA_BROKER_LIST")
	if list != "" {
		w.brokers = strings.Split(list, ",")
		w.wipe() // what another test may have left
		t.Cleanup(w.wipe)
	} else {
		broker, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		w.brokers = broker.ListenAddrs()
	}
	w.guarantee = guarantee
	w.cluster = w.dial("test")
	w.makesTopics()
	var err error
	w.client, err = kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	return w
}

// makesTopics makes those that are missing.
func (w *world) makesTopics() {
	w.t.Helper()
	var wanted []stream.Topic
	for _, topic := range topics.All() {
		config := topic.Config(os.Getenv("KAFKA_BROKER_LIST") == "")
		wanted = append(wanted, stream.Topic{Name: topic.Name, Partitions: topic.Partitions(partitions), Config: config})
	}
	if err := w.cluster.Ensure(w.t.Context(), wanted); err != nil {
		w.t.Fatal(err)
	}
}

// dial connects as an instance.
func (w *world) dial(instance string) *stream.Cluster {
	w.t.Helper()
	c, err := stream.Dial(w.t.Context(), stream.Config{
		Brokers: w.brokers, Instance: instance, Dir: w.t.TempDir(), Guarantee: w.guarantee, Hasher: topics.Hasher, Log: w.log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// wipe deletes the topics and what the groups have committed.
func (w *world) wipe() {
	w.t.Helper()
	var names []string
	for _, topic := range topics.All() {
		names = append(names, topic.Name)
	}
	w.deletes(names...)
}

// deletes topics and waits until they are gone, and what stopped groups have committed.
func (w *world) deletes(names ...string) {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	if _, err := admin.DeleteTopics(ctx, names...); err != nil {
		w.t.Fatal(err)
	}
	for { // a broker that has just started does not know its groups yet
		_, err := admin.DeleteGroups(ctx, topics.UserService, topics.NotificationService)
		there, e := admin.ListTopics(ctx, names...)
		if err = errors.Join(err, e); err == nil && !slices.ContainsFunc(names, there.Has) {
			return
		}
		if ctx.Err() != nil {
			w.t.Fatalf("topics or groups are still there: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// runs a group until the test ends or stop is called.
func (w *world) runs(as stream.ProcessorConfig, follower stream.Follower) (stop func()) {
	w.t.Helper()
	return w.runsOn(w.cluster, as, follower)
}

// runsOn is runs as an instance; it returns when that is ready.
func (w *world) runsOn(c *stream.Cluster, as stream.ProcessorConfig, follower stream.Follower) (stop func()) {
	w.t.Helper()
	_, stop = w.processes(c, as, follower)
	return stop
}

// sweeps is runs, and has the rows looked at meanwhile; a round does so many at most, 0: as many as ever.
func (w *world) sweeps(as stream.ProcessorConfig, most int64) (stop func()) {
	w.t.Helper()
	p, stopProcessor := w.processes(w.cluster, as, nil)
	stopSweeper := w.background(processors.Sweeper{Processor: p, Settle: 100 * time.Millisecond, Most: most, Log: w.log}.Run)
	return func() {
		stopSweeper()
		stopProcessor()
	}
}

func (w *world) processes(c *stream.Cluster, as stream.ProcessorConfig, follower stream.Follower) (p *stream.Processor, stop func()) {
	w.t.Helper()
	as.Follower = follower
	p, err := c.NewProcessor(as)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, w.follows("the processor", p.Run, p.Health)
}

// follows runs what follows topics until the test ends or stop is called; it returns when that is ready.
func (w *world) follows(name string, run func(context.Context) error, health func() stream.Health) (stop func()) {
	w.t.Helper()
	stop = w.background(run)
	for end := time.Now().Add(20 * time.Second); !health().Ready; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s does not become ready", name)
		}
	}
	return stop
}

// background runs something until the test ends or stop is called.
func (w *world) background(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	stop = func() {
		cancel()
		running.Wait()
	}
	w.t.Cleanup(stop)
	return stop
}

// says puts a record on a topic, as the service does that writes it.
func (w *world) says(topic, key string, value []byte) {
	w.t.Helper()
	w.saysAs(topic, key, value, spoken(topic, value))
}

// spoken are the headers with which the service that writes a topic says something.
func spoken(topic string, value []byte) map[string][]byte {
	kind := topic
	if topic == topics.MailCommands {
		var c topics.MailCommand
		_ = json.Unmarshal(value, &c) // what is none has no type
		kind += "." + c.Type
	}
	return topics.Headers("", kind, writers[topic], time.Now(), nil)
}

// writers are the services that write the notifier's inputs; of the others nobody asks.
var writers = map[string]string{
	topics.UserAccountCreated: topics.SourceUsers, topics.UserAccountVerified: topics.SourceUsers, topics.UserCodeRequested: topics.SourceUsers,
	topics.UserRegistrationRepeated: topics.SourceUsers, topics.UserAccountDeleted: topics.SourceUsers,
	topics.MailDeliveries: topics.SourceNotification, topics.MailCommands: topics.SourceAPI,
}

// saysAs is says with headers of one's own.
func (w *world) saysAs(topic, key string, value []byte, headers map[string][]byte) {
	w.t.Helper()
	w.puts(record(topic, key, value, headers))
}

func record(topic, key string, value []byte, headers map[string][]byte) *kgo.Record {
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	for name, value := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return r
}

// suppressions is the view of who is not mailed, until the test ends.
func (w *world) suppressions() *views.Suppressions {
	w.t.Helper()
	v, err := views.NewSuppressions(w.cluster)
	if err != nil {
		w.t.Fatal(err)
	}
	w.follows("the view", v.Run, v.Health)
	return v
}

// puts is says with all that a record may have.
func (w *world) puts(r *kgo.Record) {
	w.t.Helper()
	if err := w.client.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// asks puts a command on its topic.
func (w *world) asks(c user.Command) {
	w.t.Helper()
	w.says(topics.UserCommands, c.Email, encoded(w.t, c))
}

// misplaces is says, on the partition that is not the key's.
func (w *world) misplaces(topic, key string, value []byte) {
	w.t.Helper()
	stray, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer stray.Close()
	r := record(topic, key, value, spoken(topic, value))
	r.Partition = 1 - topics.Partition(key, partitions)
	if err := stray.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// forget deletes what a group that is not running has committed.
func (w *world) forget(group string) {
	w.t.Helper()
	if _, err := kadm.NewClient(w.client).DeleteGroup(w.t.Context(), group); err != nil {
		w.t.Fatal(err)
	}
}

// hears waits until n committed records are on a topic.
func (w *world) hears(topic string, n int) []*kgo.Record {
	w.t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...),
		kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		all = append(all, reader.PollFetches(ctx).Records()...)
		if ctx.Err() != nil {
			w.t.Fatalf("%s has %d records, want %d", topic, len(all), n)
		}
	}
	if len(all) > n {
		w.t.Fatalf("%s has %d records, want %d", topic, len(all), n)
	}
	return all
}

// users is the user service's group.
func (w *world) users(config processors.UsersConfig) stream.ProcessorConfig {
	w.t.Helper()
	config.Partitions, config.Log = partitions, w.log
	as, err := processors.Users(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return as
}

// counted is what a counter has come to, by the names and values of its labels. There must be such a series.
func counted(t *testing.T, registry *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var of []string
			for _, l := range m.GetLabel() {
				of = append(of, l.GetName(), l.GetValue())
			}
			if f.GetName() == name && slices.Equal(of, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no series %s %q", name, labels)
	return 0
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func event(t *testing.T, r *kgo.Record) topics.Event {
	t.Helper()
	var e topics.Event
	if err := json.Unmarshal(r.Value, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

const secretText = "test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func secrets(t *testing.T) user.Secrets {
	t.Helper()
	s, err := user.ParseSecrets(secretText)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func registration(t *testing.T, email string) user.Command {
	c := user.Command{
		ID: uuid.NewString(), Type: user.Register, Email: email, VerificationID: uuid.NewString(),
		FirstName: "Ada", IssuedAt: time.Now(),
	}
	c.SetCode(secrets(t).First(), make([]byte, user.NonceSize))
	return c
}

// proof is the command that answers a registration with its code.
func proof(t *testing.T, r user.Command) user.Command {
	s := secrets(t).First()
	code := s.Code(r.Email, r.VerificationID, r.Nonce)
	return user.Command{
		ID: uuid.NewString(), Type: user.Verify, Email: r.Email, VerificationID: r.VerificationID,
		Answer: s.Answer(r.Email, r.VerificationID, code), IssuedAt: time.Now(),
	}
}
