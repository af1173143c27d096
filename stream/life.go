package stream

// What is held here:
//   - failure is crash-only: on any doubt a life ends, its clients are closed and another is begun; nothing is aborted
//     and rewound;
//   - whatever a life left open is settled by the next one's producers before it reads an offset.

import (
	"cmp"
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
	replica *replica // of the group's table; nil: it has none
	stores  *overlays
	end     context.CancelCauseFunc
	serving func(*session) // is told of each session that processes, and nil when it ends
}

// live runs one life until ctx ends or anything fails.
func (p *Processor) live(ctx context.Context) (err error) {
	lanes, err := p.c.openLanes(ctx, p.group)
	if err != nil {
		return err
	}
	l := &life{Processor: p, cycle: newCycle(p.table, p.cfg.Linger, lanes), stores: &overlays{of: map[int32]*overlay{}}}
	defer l.cycle.close()
	var watch sync.WaitGroup
	defer watch.Wait()
	ctx, l.end = context.WithCancelCause(ctx)
	defer l.end(nil)
	watch.Go(func() { p.c.watch(ctx, kept(p.cfg.Graph), l.fail) })
	defer func() { err = cmp.Or(failure(ctx), err) }() // goka only says that it was told to stop
	if p.table != "" {
		stop, err := l.replicate(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	consumer := p.c.newConsumer(ctx, p.group+"-joins")
	defer consumer.close()
	processor, err := goka.NewProcessor(p.c.cfg.Brokers, p.cfg.Graph,
		goka.WithClientID(p.c.clientID(p.group)),
		goka.WithLogger(gokaLog{p.log, logrus.DebugLevel}),
		goka.WithHasher(p.c.cfg.Hasher),
		goka.WithNilHandling(goka.NilDecode), // goka drops empty values otherwise
		goka.WithContextWrapper(l.context),
		goka.WithUpdateCallback(withoutControls(goka.DefaultUpdate)),
		goka.WithTopicManagerBuilder(l.topicManager(ctx)),
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

// fail ends the life, with nothing more committed.
func (l *life) fail(err error) {
	l.cycle.fail(err)
	l.end(err)
}

// replicate follows the group's table until stop is called, which comes after the last session.
func (l *life) replicate(ctx context.Context) (stop func(), err error) {
	if l.replica, err = l.newReplica(ctx); err != nil {
		return nil, err
	}
	l.history.follow(l.replica)
	following, end := context.WithCancel(context.WithoutCancel(ctx))
	var run sync.WaitGroup
	run.Go(func() { l.replica.run(following) })
	if l.c.cfg.RecoverAhead {
		l.state.set(false, "recovering ahead of joining")
		l.replica.recoverAhead(ctx)
	}
	return func() {
		end()
		run.Wait()
		l.history.follow(nil)
	}, nil
}

// storage builds a partition's storage: the group's own table is written through an overlay.
func (l *life) storage(ctx context.Context) storage.Builder {
	return func(topic string, partition int32) (storage.Storage, error) {
		if topic != l.table {
			return l.c.openStore(ctx, topic, partition, "processor", l.fail)
		}
		o := newOverlay(l.replica.store(partition), l.cycle)
		l.stores.add(partition, o)
		return o, nil
	}
}

// topicManager says of the group's own table that it ends where the local store does, so goka recovers nothing of it.
func (l *life) topicManager(ctx context.Context) goka.TopicManagerBuilder {
	return func([]string) (goka.TopicManager, error) { return lifeTopics{topicManager{l.c, ctx}, l}, nil }
}

// lifeTopics is the goka.TopicManager of a life.
type lifeTopics struct {
	topicManager
	life *life
}

// GetOffset is part of goka.TopicManager.
func (t lifeTopics) GetOffset(topic string, partition int32, at int64) (int64, error) {
	if topic != t.life.table {
		return t.topicManager.GetOffset(topic, partition, at)
	}
	return t.life.replica.store(partition).offset.Load() + 1, nil
}
