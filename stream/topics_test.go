package stream

import (
	"maps"
	"strings"
	"sync"
	"testing"
)

func TestEnsure_TopicDiffers_NamesEveryDifference(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	made := Topic{w.group + "-x", 3, map[string]string{"cleanup.policy": "delete", "retention.ms": "604800000"}}
	w.ensure(made)
	if err := w.admin.Ensure(t.Context(), []Topic{made}); err != nil {
		t.Errorf("a second time: %v", err)
	}
	err := w.admin.Ensure(t.Context(), []Topic{
		{made.Name, 5, map[string]string{"cleanup.policy": "compact", "retention.ms": "1"}},
		{Name: w.in, Partitions: 1},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"topic " + made.Name + ": partitions is 3, want 5",
		"topic " + made.Name + ": cleanup.policy is delete, want compact",
		"topic " + made.Name + ": retention.ms is 604800000, want 1",
		"topic " + w.in + ": partitions is 4, want 1",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
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
