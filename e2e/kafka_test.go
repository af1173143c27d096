package e2e

// Records as any other client of the broker sees them: raw.

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
)

const readWithin = 30 * time.Second

func (s *system) connect(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(s.brokers...))...)
	check(t, err)
	return client
}

// kafkaOfRoles has single roles use the real Kafka, or an embedded broker of the test's.
func kafkaOfRoles(t *testing.T, env map[string]string) []string {
	t.Helper()
	if brokerList() != "" {
		return brokers()
	}
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
	check(t, err)
	t.Cleanup(kafka.Close)
	env["KAFKA_BROKER_LIST"], env["REPLICATION_FACTOR"], env["KAFKA_PARTITIONS"] = kafka.ListenAddrs()[0], "1", "4"
	return kafka.ListenAddrs()
}

// produce writes a record to every partition of the topic.
func (s *system) produce(t *testing.T, topic string, key, value []byte) {
	t.Helper()
	client := s.connect(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	for _, partition := range s.partitions(t, topic) {
		record := &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value}
		check(t, client.ProduceSync(t.Context(), record).FirstErr())
	}
}

// writes puts a record where a service of ours would, and as it would.
func (s *system) writes(t *testing.T, source, topic, key string, v any) {
	t.Helper()
	client := s.connect(t)
	defer client.Close()
	check(t, client.ProduceSync(t.Context(), record(t, "made up", source, topic, key, v)).FirstErr())
}

// record is one with the headers that a service of ours gives it.
func record(t *testing.T, id, source, topic, key string, v any) *kgo.Record {
	t.Helper()
	value, err := topics.Encode(v)
	check(t, err)
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	kind := topic
	if c, ok := v.(topics.MailCommand); ok {
		kind += "." + c.Type
	}
	for name, value := range topics.Headers(id, kind, source, time.Now(), nil) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return r
}

func (s *system) partitions(t *testing.T, topic string) []int32 {
	t.Helper()
	admin := kadm.NewClient(s.connect(t))
	defer admin.Close()
	listed, err := admin.ListTopics(t.Context(), topic)
	check(t, err)
	return listed[topic].Partitions.Numbers()
}

// read returns every committed record of the topics, all of the cluster's when none is named.
func (s *system) read(t *testing.T, topics ...string) (records []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readWithin)
	defer cancel()
	admin := kadm.NewClient(s.connect(t))
	defer admin.Close()
	if len(topics) == 0 {
		listed, err := admin.ListTopics(ctx)
		check(t, err)
		topics = listed.Names()
	}
	starts, err := admin.ListStartOffsets(ctx, topics...)
	check(t, err)
	ends, err := admin.ListCommittedOffsets(ctx, topics...)
	check(t, err)
	remaining := 0
	from := map[string]map[int32]kgo.Offset{}
	starts.Each(func(start kadm.ListedOffset) {
		if end, ok := ends.Lookup(start.Topic, start.Partition); !ok || end.Offset <= start.Offset {
			return
		}
		if from[start.Topic] == nil {
			from[start.Topic] = map[int32]kgo.Offset{}
		}
		from[start.Topic][start.Partition] = kgo.NewOffset().At(start.Offset)
		remaining++
	})
	// The last record of a partition may be a transaction's marker: it is waited for, and left out.
	consumer := s.connect(t, kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	defer consumer.Close()
	for remaining > 0 {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %v: %v", topics, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if end, _ := ends.Lookup(r.Topic, r.Partition); r.Offset == end.Offset-1 {
				remaining--
			}
		})
	}
	return records
}

// of returns the records with the key.
func of(key string, records []*kgo.Record) []*kgo.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r *kgo.Record) bool { return string(r.Key) != key })
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}
