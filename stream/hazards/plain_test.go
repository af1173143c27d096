package hazards

// What is held here:
//   - plain goka is configured as sensibly as it can be, with sarama as it comes.

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// plain is goka as it comes.
type plain struct{}

func (plain) name() string { return "plain" }
func (plain) shows() bool  { return true }

func (plain) partitioner() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(func(key []byte) uint32 {
		h := goka.DefaultHasher()()
		h.Write(key)
		return h.Sum32()
	}))
}

func (plain) numbers() goka.Codec { return new(codec.Int64) }

func (plain) input(topic string, codec goka.Codec, callback goka.ProcessCallback) goka.Edge {
	return goka.Input(goka.Stream(topic), codec, callback)
}

func (plain) visitor(name string, callback goka.ProcessCallback) goka.Edge {
	return goka.Visitor(name, callback)
}

// config is a new one each time, because goka's builders change what they are given.
func (plain) config(i *instance) *sarama.Config {
	c := goka.DefaultConfig()
	c.Version = sarama.V2_8_0_0
	c.Metadata.AllowAutoTopicCreation = false
	c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, &i.net
	c.Net.MaxOpenRequests = 1
	c.Net.ReadTimeout = 12 * time.Second
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Producer.Compression = sarama.CompressionNone
	c.Producer.Flush.Frequency, c.Producer.Flush.Bytes = 0, 0
	c.Producer.Retry.Max = 50
	c.Producer.Retry.BackoffFunc = func(retries, _ int) time.Duration {
		return min(time.Duration(retries)*100*time.Millisecond, time.Second)
	}
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	c.Consumer.MaxWaitTime = 100 * time.Millisecond
	c.Consumer.Retry.Backoff = 250 * time.Millisecond
	c.Consumer.Group.Session.Timeout = i.session
	c.Consumer.Group.Heartbeat.Interval = i.session / 20
	c.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	return c
}

func (p plain) process(i *instance, graph *goka.GroupGraph, assigned func(int)) (*running, error) {
	var processor *goka.Processor
	options := []goka.ProcessorOption{
		goka.WithRebalanceCallback(func(goka.Assignment) {
			if assigned == nil {
				return
			}
			rows := 0
			for k := range 10 {
				if value, err := processor.Get(fmt.Sprint("k", k)); err == nil && value != nil {
					rows++
				}
			}
			assigned(rows)
		}),
		goka.WithLogger(i),
		goka.WithStorageBuilder(storage.DefaultBuilder(i.dir)),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(p.config(i), goka.NewTopicManagerConfig())),
		goka.WithConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(p.config(i))),
		goka.WithConsumerGroupBuilder(goka.ConsumerGroupBuilderWithConfig(p.config(i))),
		goka.WithProducerBuilder(goka.ProducerBuilderWithConfig(p.config(i))),
	}
	if i.standby {
		options = append(options, goka.WithHotStandby())
	}
	processor, err := goka.NewProcessor(i.brokers, graph, options...)
	if err != nil {
		return nil, err
	}
	states := processor.StateReader().ObserveStateChange()
	var readied atomic.Bool
	go func() {
		for state := range states.C() {
			if state == goka.ProcStateRunning {
				readied.Store(true)
			}
		}
	}()
	i.Cleanup(states.Stop)
	r := i.run(processor.Run)
	r.ready, r.readied, r.visit = processor.Recovered, readied.Load, processor.VisitAll
	r.behind = func() bool {
		for _, of := range processor.Stats().Group {
			if of.Input[i.in] != nil && of.Input[i.in].OffsetLag > 0 {
				return true
			}
		}
		return false
	}
	return r, nil
}

func (p plain) view(i *instance, topic string, update goka.UpdateCallback) (*viewing, error) {
	v, err := goka.NewView(i.brokers, goka.Table(topic), new(codec.Int64),
		goka.WithViewLogger(i),
		goka.WithViewStorageBuilder(storage.DefaultBuilder(i.dir)),
		goka.WithViewTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(p.config(i), goka.NewTopicManagerConfig())),
		goka.WithViewConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(p.config(i))),
		goka.WithViewCallback(update),
	)
	if err != nil {
		return nil, err
	}
	r := i.run(v.Run)
	r.ready = v.Recovered
	return &viewing{r, v.Get}, nil
}

func (p plain) emitter(i *instance, topic string) func(string, []byte) error {
	i.Helper()
	e, err := goka.NewEmitter(i.brokers, goka.Stream(topic), new(codec.Bytes),
		goka.WithEmitterProducerBuilder(goka.ProducerBuilderWithConfig(p.config(i))))
	if err != nil {
		i.Fatal(err)
	}
	return func(key string, value []byte) error {
		_, err := e.Emit(key, value)
		return err
	}
}

// Print, Printf and Println have an instance be plain goka's log.
func (i *instance) Print(args ...any)                 { i.Log(args...) }
func (i *instance) Println(args ...any)               { i.Log(args...) }
func (i *instance) Printf(format string, args ...any) { i.Logf(format, args...) }
