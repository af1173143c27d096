package stream

// What is held here:
//   - failure is crash-only: on any doubt a life ends, its clients are closed and another is begun; nothing is aborted
//     and rewound;
//   - whatever a life left open is settled by the next one's producers before it reads an offset.

import (
	"context"
	"fmt"
	"sync"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/sirupsen/logrus"
)

// life is one run of a processor: a goka.Processor, a member of the group, the producers, the open stores.
type life struct {
	*Processor
	cycle   *cycle
	stores  *overlays
	serving func(*session) // is told of each session that processes, and nil when it ends
}

// live runs one life until ctx ends or anything fails.
func (p *Processor) live(ctx context.Context) error {
	lanes, err := p.c.openLanes(ctx, p.group)
	if err != nil {
		return err
	}
	l := &life{Processor: p, cycle: newCycle(p.table, lanes), stores: &overlays{of: map[int32]*overlay{}}}
	defer l.cycle.close()
	consumer := p.c.newConsumer(ctx, p.group+"-recovery")
	defer consumer.close()
	var watch sync.WaitGroup
	defer watch.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watch.Go(func() { p.c.watch(ctx, kept(p.cfg.Graph), l.cycle.fail) })
	processor, err := goka.NewProcessor(p.c.cfg.Brokers, p.cfg.Graph,
		goka.WithClientID(p.c.clientID(p.group)),
		goka.WithLogger(gokaLog{p.log, logrus.DebugLevel}),
		goka.WithHasher(p.c.cfg.Hasher),
		goka.WithNilHandling(goka.NilDecode), // goka drops empty values otherwise
		goka.WithContextWrapper(l.context),
		goka.WithUpdateCallback(withoutControls(goka.DefaultUpdate)),
		goka.WithTopicManagerBuilder(p.c.topicManager(ctx)),
		goka.WithConsumerSaramaBuilder(consumer.build),
		goka.WithConsumerGroupBuilder(l.consumerGroup),
		goka.WithProducerBuilder(l.cycle.producer),
		goka.WithStorageBuilder(l.storage(ctx)),
	)
	if err != nil {
		return fmt.Errorf("make the processor: %w", err)
	}
	l.serving = func(s *session) { p.serve(s, processor) }
	return processor.Run(ctx)
}

// storage builds a partition's storage: the group's own table is written through an overlay.
func (l *life) storage(ctx context.Context) storage.Builder {
	return func(topic string, partition int32) (storage.Storage, error) {
		s, err := l.c.openStore(ctx, topic, partition, "processor", l.cycle.fail)
		if err != nil || topic != l.table {
			return s, err
		}
		o := newOverlay(s, l.cycle)
		l.stores.add(partition, o)
		return o, nil
	}
}
