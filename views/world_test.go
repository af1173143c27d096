package views_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"countersign/stream"
	"countersign/topics"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// brokers are those of the embedded Kafka, or of the one in KAFKA_BROKER_LIST, without the topic.
func brokers(t testing.TB, topic string) []string {
	t.Helper()
	list := os.Getenv("KAFKA_BROKER_LIST")
	if list == "" {
		broker, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		return broker.ListenAddrs()
	}
	wipe := func() { wipe(t, strings.Split(list, ","), topic) }
	wipe() // what another test may have left
	t.Cleanup(wipe)
	return strings.Split(list, ",")
}

// wipe deletes the topic and waits until it is gone.
func wipe(t testing.TB, brokers []string, topic string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	if _, err := admin.DeleteTopics(ctx, topic); err != nil {
		t.Fatal(err)
	}
	for {
		there, err := admin.ListTopics(ctx, topic)
		if err != nil {
			t.Fatal(err)
		}
		if !there.Has(topic) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// kafka is a cluster with an empty table, and what writes to it.
func kafka(t testing.TB, topic string, partitions int32) (*stream.Cluster, *stream.Emitter) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	cluster, err := stream.Dial(t.Context(), stream.Config{
		Brokers: brokers(t, topic), Instance: "views", Dir: t.TempDir(), Hasher: topics.Hasher, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	table := stream.Topic{Name: topic, Partitions: partitions, Config: map[string]string{"cleanup.policy": "compact"}}
	if err := cluster.Ensure(t.Context(), []stream.Topic{table}); err != nil {
		t.Fatal(err)
	}
	emitter, err := cluster.NewEmitter(stream.EmitterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(emitter.Close)
	return cluster, emitter
}

// runs a view until the test ends, and returns when it is ready.
func runs(t testing.TB, run func(context.Context) error, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for !ready() {
		time.Sleep(time.Millisecond)
	}
}
