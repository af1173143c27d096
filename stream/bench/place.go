package main

// What is held here:
//   - each measurement has topics, a group and a directory that no other has, and removes them.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// place is a target that is ours alone.
type place struct {
	target
	adm *kadm.Client
}

// newPlace makes the topics of a system: in, out and its table with so many rows.
func (s Settings) newPlace(ctx context.Context, of system, partitions int32, rows int) (*place, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...))
	if err != nil {
		return nil, err
	}
	p := &place{adm: kadm.NewClient(cl), target: target{
		Brokers: strings.Join(s.Brokers, ","), Group: fmt.Sprintf("bench-%d", time.Now().UnixNano()),
	}}
	compact := "compact"
	configs := map[string]map[string]*string{p.in(): nil, p.out(): nil}
	if of.table != "" {
		configs[p.Group+of.table] = map[string]*string{"cleanup.policy": &compact}
	}
	for topic, config := range configs {
		if _, err := p.adm.CreateTopic(ctx, partitions, 1, config, topic); err != nil {
			return nil, errors.Join(fmt.Errorf("make %s: %w", topic, err), p.remove())
		}
	}
	if err := p.await(ctx, slices.Collect(maps.Keys(configs)), int(partitions)); err != nil {
		return nil, errors.Join(err, p.remove())
	}
	if err := p.fill(ctx, p.Group+of.table, rows); err != nil {
		return nil, errors.Join(err, p.remove())
	}
	if p.Dir, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, errors.Join(err, p.remove())
	}
	return p, nil
}

// await returns when the brokers name a leader for every partition: goka makes a topic again that it does not see.
func (p *place) await(ctx context.Context, topics []string, partitions int) error {
	for ; ; time.Sleep(20 * time.Millisecond) {
		known, err := p.adm.ListTopics(ctx, topics...)
		if err != nil {
			return err
		}
		led := 0
		known.EachPartition(func(d kadm.PartitionDetail) {
			if d.Err == nil && d.Leader >= 0 {
				led++
			}
		})
		if led == len(topics)*partitions {
			return nil
		}
	}
}

// fill writes rows of a table.
func (t target) fill(ctx context.Context, topic string, rows int) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.brokers()...), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer cl.Close()
	var refused error
	var once sync.Once
	for n := range rows {
		value := newAccount(fmt.Sprintf("%016x", n), n)
		cl.Produce(ctx, &kgo.Record{Topic: topic, Key: []byte(value.Email), Value: value.encode()}, func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { refused = err })
			}
		})
	}
	if err := errors.Join(cl.Flush(ctx), refused); err != nil {
		return fmt.Errorf("fill %s: %w", topic, err)
	}
	return nil
}

// remove deletes what was made, and what the system made under the group's name.
func (p *place) remove() error {
	defer p.adm.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	errs := os.RemoveAll(p.Dir)
	topics, err := p.adm.ListTopics(ctx)
	if err != nil {
		return errors.Join(errs, err)
	}
	var ours []string
	for _, topic := range topics.Names() {
		if strings.HasPrefix(topic, p.Group) {
			ours = append(ours, topic)
		}
	}
	deleted, err := p.adm.DeleteTopics(ctx, ours...)
	errs = errors.Join(errs, err, deleted.Error())
	for { // a member that was killed is one until its session ends
		_, err := p.adm.DeleteGroup(ctx, p.Group)
		switch {
		case err == nil, errors.Is(err, kerr.GroupIDNotFound):
			return errs
		case !errors.Is(err, kerr.NonEmptyGroup) || ctx.Err() != nil:
			return errors.Join(errs, fmt.Errorf("delete the group: %w", err))
		}
		time.Sleep(100 * time.Millisecond)
	}
}
