package main

// What is held here:
//   - every peer does the same: decode a command, read and write its row, emit an event; the relay only passes it on;
//   - goka on sarama is configured as its users would who may lose nothing: acknowledged by all, idempotent, nothing
//     that waits for company.

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"countersign/stream"
	"countersign/stream/bench/measure"
	"countersign/topics"
)

// target is where a peer works: its topics are called after its group.
type target struct {
	Brokers string `arg:""`
	Group   string `arg:""`
	Dir     string `arg:""`
}

func (t target) brokers() []string { return strings.Split(t.Brokers, ",") }
func (t target) in() string        { return t.Group + "-in" }
func (t target) out() string       { return t.Group + "-out" }

// account is the value of a command, of the row it changes and of the event it causes: 300 bytes each.
type account struct {
	ID      string `json:"id"` // of the command; first, so that it is found without parsing
	Email   string `json:"email"`
	Status  string `json:"status"`
	Version int    `json:"version"`
	Note    string `json:"note"`
}

// newAccount is the n-th account after the command id.
func newAccount(id string, n int) account {
	return account{id, fmt.Sprintf("account-%07d@example.com", n), "pending", 1, strings.Repeat("n", 300-104)}
}

func (a account) encode() []byte {
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // it is text and numbers
	}
	return b
}

type codec struct{}

// Encode is part of goka.Codec.
func (codec) Encode(v any) ([]byte, error) { return json.Marshal(v) }

// Decode is part of goka.Codec.
func (codec) Decode(b []byte) (any, error) {
	a := new(account)
	return a, json.Unmarshal(b, a)
}

// graph is the work on goka.
func (t target) graph() *goka.GroupGraph {
	return goka.DefineGroup(goka.Group(t.Group),
		stream.Input(goka.Stream(t.in()), codec{}, func(ctx goka.Context, msg any) {
			command := msg.(*account)
			row, _ := ctx.Value().(*account)
			if row == nil {
				row = &account{Email: command.Email}
			}
			row.ID, row.Status, row.Note = command.ID, command.Status, command.Note
			row.Version++
			ctx.SetValue(row)
			ctx.Emit(goka.Stream(t.out()), ctx.Key(), row)
		}),
		goka.Output(goka.Stream(t.out()), codec{}), goka.Persist(codec{}))
}

type peerCmd struct {
	Kind   string `arg:""`
	target `embed:""`
}

// Run is one of the systems, until standard input ends.
func (p peerCmd) Run(ctx context.Context) error {
	return measure.Serve(ctx, func(ctx context.Context, ready func()) error { return p.run(ctx, p.Kind, ready) })
}

// run is one of the systems, until ctx ends. It calls ready once it processes.
func (t target) run(ctx context.Context, kind string, ready func()) error {
	switch kind {
	case exactlyOnce, atLeastOnce:
		return t.runStream(ctx, stream.Guarantee(kind), ready)
	case plainGoka:
		return t.runGoka(ctx, ready)
	case floor:
		return t.runRelay(ctx, ready)
	}
	return fmt.Errorf("no peer is called %q", kind)
}

func (t target) runStream(ctx context.Context, guarantee stream.Guarantee, ready func()) error {
	log := logrus.New()
	log.SetLevel(logrus.WarnLevel)
	cluster, err := stream.Dial(ctx, stream.Config{
		Brokers: t.brokers(), Instance: filepath.Base(t.Dir), Dir: t.Dir, Guarantee: guarantee, Hasher: topics.Hasher, Log: log,
		HotStandby: true, RecoverAhead: true,
	})
	if err != nil {
		return err
	}
	defer cluster.Close()
	processor, err := cluster.NewProcessor(stream.ProcessorConfig{Graph: t.graph()})
	if err != nil {
		return err
	}
	var running errgroup.Group
	running.Go(func() error { return processor.Run(ctx) })
	for ctx.Err() == nil && !processor.Health().Ready {
		time.Sleep(time.Millisecond)
	}
	ready()
	return running.Wait()
}

func (t target) runGoka(ctx context.Context, ready func()) error {
	processor, err := goka.NewProcessor(t.brokers(), t.graph(),
		goka.WithClientID("bench"),
		goka.WithHasher(topics.Hasher),
		goka.WithProducerBuilder(goka.ProducerBuilderWithConfig(saramaConfig())),
		goka.WithConsumerGroupBuilder(goka.ConsumerGroupBuilderWithConfig(saramaConfig())),
		goka.WithConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(saramaConfig())),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(saramaConfig(), goka.NewTopicManagerConfig())),
		goka.WithStorageBuilder(storage.DefaultBuilder(t.Dir)),
	)
	if err != nil {
		return err
	}
	var running errgroup.Group
	running.Go(func() error { return processor.Run(ctx) })
	if processor.WaitForReadyContext(ctx) == nil {
		ready()
	}
	return running.Wait()
}

// saramaConfig is a new one for each use: goka writes into it.
func saramaConfig() *sarama.Config {
	cfg := goka.DefaultConfig()
	cfg.Version = sarama.V2_8_0_0
	cfg.Net.MaxOpenRequests = 1
	cfg.Net.ReadTimeout = 15 * time.Second
	cfg.Metadata.AllowAutoTopicCreation = false
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Producer.Idempotent = true
	cfg.Producer.Compression = sarama.CompressionNone
	cfg.Producer.Flush.Bytes, cfg.Producer.Flush.Messages = 0, 0
	cfg.Producer.Flush.Frequency, cfg.Producer.Flush.MaxMessages = 0, 0
	cfg.Producer.Retry.Max = 50
	cfg.Consumer.Offsets.Initial = sarama.OffsetOldest
	cfg.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	cfg.Consumer.MaxWaitTime = 100 * time.Millisecond
	cfg.Consumer.Retry.Backoff = 250 * time.Millisecond
	cfg.Consumer.Group.Session.Timeout = 6 * time.Second
	cfg.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	cfg.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	return cfg
}

// runRelay passes commands on as events: two hops, no state, no table.
func (t target) runRelay(ctx context.Context, ready func()) error {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(t.brokers()...),
		kgo.ConsumerGroup(t.Group), kgo.ConsumeTopics(t.in()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, of map[string][]int32) {
			if len(of) > 0 {
				ready()
			}
		}),
		kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for r := range fetches.RecordsAll() {
			cl.Produce(ctx, &kgo.Record{Topic: t.out(), Key: r.Key, Value: r.Value}, nil)
		}
	}
}
