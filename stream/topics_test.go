package stream

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
)

func TestEnsure_TopicDiffers_NamesEveryDifference(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	made := Topic{w.group + "-x", 3, map[string]string{"cleanup.policy": "delete", "retention.ms": "604800000"}}
	w.ensure(made)
	if err := w.admin.Ensure(t.Context(), []Topic{made}); err != nil {
		t.Errorf("a second time: %v", err)
	}
	missing := w.group + "-missing"
	err := w.admin.Ensure(t.Context(), []Topic{
		{missing, 3, nil},
		{made.Name, 5, map[string]string{"cleanup.policy": "compact", "retention.ms": "1"}},
		{Name: w.in, Partitions: 1},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"topic " + made.Name + ": partitions (KAFKA_PARTITIONS) is 3, want 5",
		"topic " + made.Name + ": cleanup.policy is delete, want compact",
		"topic " + made.Name + ": retention.ms is 604800000, want 1",
		"topic " + w.in + ": partitions (KAFKA_PARTITIONS) is 4, want 1",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if there, err := w.admin.adm.ListTopics(t.Context(), missing); err != nil || there.Has(missing) {
		t.Errorf("a refused start has made a topic: %v", err)
	}
}

func TestEnsure_OneCopyIsEnoughToWrite_IsRefused(t *testing.T) {
	kafka, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	c, err := Dial(t.Context(), Config{
		Brokers: kafka.ListenAddrs(), Instance: "a", Hasher: newHasher, Replication: 3, Log: logrus.New(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	weak := map[string]*string{"min.insync.replicas": kadm.StringPtr("1")}
	if _, err := c.adm.CreateTopic(t.Context(), 1, 3, weak, "t"); err != nil {
		t.Fatal(err)
	}
	err = c.Ensure(t.Context(), []Topic{{Name: "t", Partitions: 1}, {Name: "made", Partitions: 1}})
	if err == nil || err.Error() != "topic t: min.insync.replicas is 1, want 2 (countersign topics apply)" {
		t.Errorf("err = %v", err)
	}
}

func TestTopicID_NoAnswer_EndsWithoutADeadlineOfItsCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	w.net.set(mute)
	begun := time.Now()
	if id, err := c.topicIDs(context.Background(), w.in); err == nil {
		t.Errorf("id %s", id)
	}
	if took := time.Since(begun); took > askTimeout+time.Second {
		t.Errorf("answered after %v", took)
	}
	w.net.set(whole)
}

func TestEnsure_FewerBrokersThanCopies_MakesNothing(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	c.cfg.Replication = 100
	name := w.group + "-x"
	err := c.Ensure(t.Context(), []Topic{{Name: name, Partitions: 1}})
	if err == nil || !strings.Contains(err.Error(), "REPLICATION_FACTOR is 100") || strings.Contains(err.Error(), "\n") {
		t.Errorf("err = %v", err)
	}
	if there, err := c.adm.ListTopics(t.Context(), name); err != nil || there.Has(name) {
		t.Errorf("the topic is there (%v)", err)
	}
}

func TestEnsure_TwoAtOnce_BothSucceed(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	var topics []Topic
	for _, name := range []string{"p", "q", "r", "s"} {
		topics = append(topics, Topic{w.group + "-" + name, 4, map[string]string{"cleanup.policy": "compact"}})
	}
	var both sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		c := w.dial(name)
		both.Go(func() {
			if err := c.Ensure(t.Context(), topics); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	w.ensure(topics...)
	there, err := w.admin.adm.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for topic := range maps.Values(there) {
		if topic.Topic == topics[0].Name && len(topic.Partitions) != 4 {
			t.Errorf("%s has %d partitions", topic.Topic, len(topic.Partitions))
		}
	}
}
