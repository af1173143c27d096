package chaos

// What is held here:
//   - a broker is killed as a power cut would, and only when every partition has all its copies;
//   - leaders and coordinators are asked for, and moved while everybody lives.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience bounds every wait for a condition.
const patience = 3 * time.Minute

// kafka is the cluster that .ci/kafka has started, asked by an administrator.
type kafka struct {
	t       *testing.T
	brokers []string
	*kadm.Client
}

func newKafka(t *testing.T) *kafka {
	t.Helper()
	k := &kafka{t: t, brokers: strings.Split(os.Getenv("KAFKA_BROKER_LIST"), ",")}
	cl, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	k.Client = kadm.NewClient(cl)
	t.Cleanup(k.Close)
	return k
}

// replication is how many copies the topics have.
func (k *kafka) replication() int16 { return int16(min(3, len(k.brokers))) }

// await waits until the condition holds; an error of it only if it lasts.
func await(t *testing.T, what string, condition func() (bool, error)) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ok, err := condition()
		if ok && err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}

// run has .ci/kafka do something to the cluster, or to the named brokers.
func (k *kafka) run(verb string, brokers ...int32) error {
	args := []string{verb, os.Getenv("KAFKA_DIR")}
	for _, broker := range brokers {
		args = append(args, strconv.Itoa(int(broker)))
	}
	if out, err := exec.Command(filepath.Join("..", "..", ".ci", "kafka"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf(".ci/kafka %s: %w: %s", verb, err, out)
	}
	return nil
}

// kill kills brokers; none named: all.
func (k *kafka) kill(brokers ...int32) {
	k.t.Helper()
	if err := k.run("stop", brokers...); err != nil {
		k.t.Fatal(err)
	}
}

// restart starts the brokers that were killed, and returns when every partition has all its copies.
func (k *kafka) restart() {
	k.t.Helper()
	await(k.t, "all brokers run", func() (bool, error) {
		err := k.run("start")
		return err == nil, err
	})
	await(k.t, "every partition has all its copies", func() (bool, error) {
		topics, err := k.ListTopicsWithInternal(k.t.Context())
		if err = errors.Join(err, topics.Error()); err != nil {
			return false, err
		}
		whole := true
		topics.EachPartition(func(p kadm.PartitionDetail) { whole = whole && len(p.ISR) == len(p.Replicas) })
		return whole, nil
	})
}

func (k *kafka) describe(topic string) kadm.TopicDetail {
	k.t.Helper()
	topics, err := k.ListTopicsWithInternal(k.t.Context(), topic)
	if err = errors.Join(err, topics.Error()); err != nil {
		k.t.Fatal(err)
	}
	return topics[topic]
}

// leader is who leads a partition.
func (k *kafka) leader(topic string, partition int32) int32 {
	k.t.Helper()
	return k.describe(topic).Partitions[partition].Leader
}

// groupLog is the partition in which Kafka keeps a group; its leader is the group's coordinator.
func (k *kafka) groupLog(group string) (topic string, partition int32) {
	k.t.Helper()
	return k.log("__consumer_offsets", group)
}

// transactionLog is the partition in which Kafka keeps a transactional id; its leader is that one's coordinator.
func (k *kafka) transactionLog(id string) (topic string, partition int32) {
	k.t.Helper()
	return k.log("__transaction_state", id)
}

func (k *kafka) log(topic, name string) (string, int32) {
	k.t.Helper()
	var hash int32 // Java's of a string
	for _, c := range name {
		hash = 31*hash + c
	}
	return topic, (hash & 0x7fffffff) % int32(len(k.describe(topic).Partitions))
}

// move gives a partition another leader while all brokers live.
func (k *kafka) move(topic string, partition int32) {
	k.t.Helper()
	ctx := k.t.Context()
	p := k.describe(topic).Partitions[partition]
	i := slices.Index(p.Replicas, p.Leader)
	var to kadm.AlterPartitionAssignmentsReq
	to.Assign(topic, partition, append(slices.Clone(p.Replicas[i+1:]), p.Replicas[:i+1]...))
	if answer, err := k.AlterPartitionAssignments(ctx, to); errors.Join(err, answer.Error()) != nil {
		k.t.Fatal(errors.Join(err, answer.Error()))
	}
	set := kadm.TopicsSet{}
	set.Add(topic, partition)
	await(k.t, fmt.Sprintf("%s/%d has another leader", topic, partition), func() (bool, error) {
		_, err := k.ElectLeaders(ctx, kadm.ElectPreferredReplica, set)
		return k.leader(topic, partition) != p.Leader, err
	})
}

// hanging says whether a transaction is open, or its end is under way, that is the group's or lies in the topics.
func (k *kafka) hanging(ctx context.Context, group string, topics ...string) (bool, error) {
	ends, err := k.ListEndOffsets(ctx, topics...)
	if err = errors.Join(err, ends.Error()); err != nil {
		return false, err
	}
	stable, err := k.ListCommittedOffsets(ctx, topics...) // the last stable offsets
	if err = errors.Join(err, stable.Error()); err != nil {
		return false, err
	}
	hanging := false
	ends.Each(func(end kadm.ListedOffset) {
		last, _ := stable.Lookup(end.Topic, end.Partition)
		hanging = hanging || last.Offset < end.Offset
	})
	open, err := k.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"})
	for _, t := range open.Sorted() {
		hanging = hanging || strings.HasPrefix(t.TxnID, group+"-")
	}
	return hanging, err
}

// read returns the records of a topic up to its end, those of a partition in their order, without control records.
func (k *kafka) read(topic string, isolation kgo.IsolationLevel) []*kgo.Record {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), patience)
	defer cancel()
	var starts, left kadm.ListedOffsets
	await(k.t, "the leaders of "+topic+" tell where it ends", func() (bool, error) {
		var failed [2]error
		starts, failed[0] = k.ListStartOffsets(ctx, topic)
		left, failed[1] = k.ListEndOffsets(ctx, topic)
		return true, errors.Join(failed[0], starts.Error(), failed[1], left.Error())
	})
	for partition, end := range left[topic] {
		if start, _ := starts.Lookup(topic, partition); start.Offset == end.Offset {
			delete(left[topic], partition)
		}
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.ConsumeTopics(topic), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(isolation), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		k.t.Fatal(err)
	}
	defer cl.Close()
	var records []*kgo.Record
	for len(left[topic]) > 0 {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			k.t.Fatalf("read %d records of %s, not reached: %v", len(records), topic, left[topic])
		}
		for r := range fetches.RecordsAll() {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= left[topic][r.Partition].Offset {
				delete(left[topic], r.Partition)
			}
		}
	}
	return records
}
