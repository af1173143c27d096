package app

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/stream"
	"countersign/topics"
)

// lonely is a node whose only part is its presence, on a broker that has no topics yet.
func lonely(t *testing.T) (n *node, warnings *atomic.Int32) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	log := logrus.New()
	log.SetOutput(t.Output())
	warnings = &atomic.Int32{}
	log.AddHook(warningHook{warnings})
	n = &node{
		settings: Settings{InstanceID: "one", InternalAddr: "127.0.0.1:8081", KafkaBrokerList: broker.ListenAddrs()},
		roles:    Roles{API: true, Users: true}, log: log,
		checks: []check{{name: "part", health: func() stream.Health { return stream.Health{Reason: "missing", Behind: time.Second} }}},
	}
	n.cluster, err = stream.Dial(t.Context(), stream.Config{
		Brokers: n.settings.KafkaBrokerList, Instance: "one", Dir: t.TempDir(), Hasher: topics.Hasher, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.cluster.Close)
	return n, warnings
}

type warningHook struct{ count *atomic.Int32 }

func (h warningHook) Levels() []logrus.Level { return []logrus.Level{logrus.WarnLevel} }
func (h warningHook) Fire(*logrus.Entry) error {
	h.count.Add(1)
	return nil
}

func TestPresence_TellsOfItsProcess_AlsoAfterItCouldNot_AndTakesItsRecordAwayAtTheEnd(t *testing.T) {
	n, warnings := lonely(t)
	forget := make(chan []string, 1)
	if err := n.addPresence(func() ([]string, error) {
		select {
		case keys := <-forget:
			return keys, nil
		default:
			return nil, nil
		}
	}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runParts(ctx, n.parts, time.Minute) }()

	for warnings.Load() == 0 { // there is no topic
		time.Sleep(time.Millisecond)
	}
	topic := stream.Topic{Name: topics.Instances, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}}
	if err := n.cluster.Ensure(t.Context(), []stream.Topic{topic}); err != nil {
		t.Fatal(err)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(n.settings.KafkaBrokerList...), kgo.ConsumeTopics(topics.Instances))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	next := func() *kgo.Record {
		fetches := reader.PollRecords(t.Context(), 1)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		return fetches.Records()[0]
	}
	first := next()
	var told topics.Instance
	if err := json.Unmarshal(first.Value, &told); err != nil {
		t.Fatal(err)
	}
	if string(first.Key) != "api+users/one" || told.Key() != string(first.Key) || told.InternalAddr != "127.0.0.1:8081" || told.PID == 0 {
		t.Errorf("%s tells %s", first.Key, first.Value)
	}
	if p := told.Parts; len(p) != 1 || p[0].Ready || p[0].Reason != "missing" || p[0].BehindSeconds != 1 {
		t.Errorf("parts are %+v", told.Parts)
	}
	if n := warnings.Load(); n != 1 {
		t.Errorf("%d warnings while nothing could be told, want 1", n)
	}
	forget <- []string{"users/gone"}
	for r := next(); ; r = next() {
		if string(r.Key) == "users/gone" {
			if r.Value != nil {
				t.Errorf("who is forgotten gets %s", r.Value)
			}
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for r := next(); r.Value != nil; r = next() {
		if string(r.Key) != string(first.Key) {
			t.Errorf("%s tells, too", r.Key)
		}
	}
}
