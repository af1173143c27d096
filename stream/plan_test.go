package stream

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

// lines are the changes, and of each topic its short name.
func (w *world) lines(changes []Change) []string {
	var all []string
	for _, change := range changes {
		all = append(all, strings.ReplaceAll(change.String(), w.group+"-", ""))
	}
	return all
}

func TestApply_TopicsDiffer_ChangesWhatCanBeChanged_AndIsDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	differs := Topic{w.group + "-differs", 3, map[string]string{"cleanup.policy": "delete", "retention.ms": "1000"}}
	w.ensure(differs)
	wanted := []Topic{
		{w.group + "-differs", 2, map[string]string{"cleanup.policy": "compact", "retention.ms": "2000"}},
		{w.group + "-missing", 3, map[string]string{"cleanup.policy": "compact"}},
	}
	t.Cleanup(func() {
		if _, err := w.admin.adm.DeleteTopic(context.Background(), wanted[1].Name); err != nil {
			t.Log(err)
		}
	})
	const (
		partitions = "topic differs: partitions (KAFKA_PARTITIONS) is 3, want 2: it never changes, for a key would live elsewhere " +
			"than its past: set KAFKA_PARTITIONS=3, or delete the topic and what it holds"
		policy    = "topic differs: cleanup.policy is delete, want compact"
		retention = "topic differs: retention.ms is 1000, want 2000"
		missing   = "topic missing: is missing, want 3 partitions, replication 1, cleanup.policy=compact, min.insync.replicas=1"
	)
	planned, err := w.admin.Plan(t.Context(), wanted)
	if want := []string{partitions, policy, retention, missing}; err != nil || !slices.Equal(w.lines(planned), want) {
		t.Fatalf("planned %q (%v), want %q", w.lines(planned), err, want)
	}
	for _, want := range [][]string{{policy, retention, missing}, nil} {
		var made []Change
		if err := w.admin.Apply(t.Context(), wanted, func(c Change) { made = append(made, c) }); err != nil || !slices.Equal(w.lines(made), want) {
			t.Errorf("made %q (%v), want %q", w.lines(made), err, want)
		}
	}
	if left, err := w.admin.Plan(t.Context(), wanted); err != nil || !slices.Equal(w.lines(left), []string{partitions}) {
		t.Errorf("left %q (%v)", w.lines(left), err)
	}
}

func TestApply_OtherReplication_MovesCopies_AndNeverWantsMoreInSyncThanThereAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	if os.Getenv("KAFKA_BROKER_LIST") == "" || w.admin.Brokers() < 3 {
		t.Skip("needs three real brokers: .ci/kafka run --nodes 3 -- go test ./stream")
	}
	topic := Topic{Name: w.group + "-x", Partitions: 4}
	w.ensure(topic)
	c := w.dial("b")
	const copies, inSync = "replication (REPLICATION_FACTOR)", "min.insync.replicas"
	for _, step := range []struct {
		replication int16
		order       []string
	}{{3, []string{copies, inSync}}, {1, []string{inSync, copies}}} {
		c.cfg.Replication = step.replication
		var made []string
		if err := c.Apply(t.Context(), []Topic{topic}, func(c Change) { made = append(made, c.What) }); err != nil || !slices.Equal(made, step.order) {
			t.Fatalf("made %v (%v), want %v", made, err, step.order)
		}
		if left, err := c.Plan(t.Context(), []Topic{topic}); err != nil || len(left) > 0 {
			t.Fatalf("left %v (%v)", left, err)
		}
	}
}

func TestPlan_FewerBrokersThanCopies_SaysThatTheyCannotBeMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	c.cfg.Replication = 100
	changes, err := c.Plan(t.Context(), []Topic{{Name: w.in, Partitions: 4}})
	if err != nil || len(changes) != 1 || !strings.HasPrefix(changes[0].Impossible, "REPLICATION_FACTOR is 100, but the cluster has ") {
		t.Errorf("changes %v (%v)", changes, err)
	}
}

func TestReassignment_KeepsWhatIsThere_LeadersFirst_AndSpreadsTheRest(t *testing.T) {
	there := kadm.PartitionDetails{
		0: {Partition: 0, Leader: 2, Replicas: []int32{1, 2}, ISR: []int32{2, 1}},
		1: {Partition: 1, Leader: 1, Replicas: []int32{3, 1}, ISR: []int32{1}},
	}
	brokers := []int32{1, 2, 3, 4}
	for copies, want := range map[int]map[int32][]int32{
		1: {0: {2}, 1: {1}},
		2: {0: {2, 1}, 1: {1, 3}},
		3: {0: {2, 1, 4}, 1: {1, 3, 2}},
	} {
		if to := reassignment(there, copies, brokers); !maps.EqualFunc(to, want, slices.Equal) {
			t.Errorf("%d copies: %v, want %v", copies, to, want)
		}
	}
}
