package stream

// What is held here:
//   - what a topic must be is compared in one place, for the start that refuses and for who mends;
//   - no difference is small: a longer retention keeps what was to be erased, a shorter one loses what waits;
//   - one lost broker neither loses what was acknowledged nor stops writing: min.insync.replicas is one less than the
//     copies, of a topic that was there before, too; at no moment of a change more than there are copies;
//   - partitions are never changed: they decide where a key lives, and its past would stay behind.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// settleInterval is how often is looked whether the brokers agree on a change.
const settleInterval = 20 * time.Millisecond

// Change is one way in which a topic is not as it must be.
type Change struct {
	Topic string
	// What differs: the name of a setting. Empty: the topic is missing.
	What string
	// Have is what it is, Want what it must be. Of a topic that is missing, Want is all of it.
	Have, Want string
	// Impossible says why Apply cannot make the change, and what can be done. Empty: it can.
	Impossible string

	make func(context.Context) error
}

// String is one line.
func (c Change) String() string {
	line := fmt.Sprintf("topic %s: %s is %s, want %s", c.Topic, c.What, c.Have, c.Want)
	if c.missing() {
		line = fmt.Sprintf("topic %s: is missing, want %s", c.Topic, c.Want)
	}
	if c.Impossible != "" {
		line += ": " + c.Impossible
	}
	return line
}

func (c Change) missing() bool { return c.What == "" }

// Plan returns what must change so that the topics are as they must be, in the order in which it is to be done. It changes
// nothing.
func (c *Cluster) Plan(ctx context.Context, topics []Topic) ([]Change, error) {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	for {
		changes, err := c.plan(ctx, topics)
		if err == nil || !kerr.IsRetriable(err) || !sleep(ctx, settleInterval) {
			return changes, err
		}
	}
}

// Apply makes the changes that are possible, tells made of each, and returns when the brokers agree on all of them. Who
// wants to know what was not possible asks Plan again. Repeating it is harmless, and after an error goes on.
func (c *Cluster) Apply(ctx context.Context, topics []Topic, made func(Change)) error {
	changes, err := c.Plan(ctx, topics)
	if err != nil {
		return err
	}
	for _, change := range possible(changes) {
		if err := change.make(ctx); err != nil {
			return err
		}
		made(change)
	}
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	for {
		changes, err := c.Plan(ctx, topics)
		if err != nil {
			return err
		}
		left := possible(changes)
		if len(left) == 0 {
			return c.agree(ctx, topics)
		}
		if !sleep(ctx, settleInterval) {
			return fmt.Errorf("not all is done after %v: %s", ensureTimeout, left[0])
		}
	}
}

func possible(changes []Change) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(change Change) bool { return change.Impossible != "" })
}

func (c *Cluster) plan(ctx context.Context, topics []Topic) ([]Change, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	meta, err := c.adm.Metadata(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	configs, err := c.adm.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	var changes []Change
	var unseen []error
	for _, t := range topics {
		there := meta.Topics[t.Name]
		config, err := configs.On(t.Name, nil)
		switch err = cmp.Or(err, config.Err); {
		case errors.Is(there.Err, kerr.UnknownTopicOrPartition):
			changes = append(changes, c.creation(t, meta.Brokers))
		case there.Err != nil:
			unseen = append(unseen, c.named(fmt.Errorf("look at topic %s: %w", t.Name, there.Err), access{"Describe", "topic", t.Name}))
		case err != nil:
			unseen = append(unseen, c.named(fmt.Errorf("describe topic %s: %w", t.Name, err), access{"DescribeConfigs", "topic", t.Name}))
		default:
			differ, err := c.differences(t, there.Partitions, config.Configs, meta.Brokers)
			changes, unseen = append(changes, differ...), append(unseen, err)
		}
	}
	return changes, errors.Join(unseen...)
}

// config is what a topic's settings must be.
func (c *Cluster) config(t Topic) map[string]string {
	config := map[string]string{minInSync: strconv.Itoa(max(1, int(c.cfg.Replication)-1))}
	maps.Copy(config, t.Config)
	return config
}

const minInSync = "min.insync.replicas"

// creation is the change of a topic that is missing.
func (c *Cluster) creation(t Topic, brokers kadm.BrokerDetails) Change {
	config := map[string]*string{}
	words := []string{fmt.Sprintf("%d partitions", t.Partitions), fmt.Sprintf("replication %d", c.cfg.Replication)}
	for name, value := range c.config(t) {
		config[name] = &value
	}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		words = append(words, name+"="+*config[name])
	}
	change := Change{Topic: t.Name, Want: strings.Join(words, ", "), Impossible: c.tooFew(brokers)}
	change.make = func(ctx context.Context) error {
		_, err := c.adm.CreateTopic(ctx, t.Partitions, c.cfg.Replication, config, t.Name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return c.named(fmt.Errorf("create topic %s: %w", t.Name, err), access{"Create", "topic", t.Name})
		}
		return nil
	}
	return change
}

func (c *Cluster) tooFew(brokers kadm.BrokerDetails) string {
	if int(c.cfg.Replication) <= len(brokers) {
		return ""
	}
	return fmt.Sprintf("REPLICATION_FACTOR is %d, but the cluster has %d broker(s)", c.cfg.Replication, len(brokers))
}

// differences are the changes of a topic that is there.
func (c *Cluster) differences(t Topic, partitions kadm.PartitionDetails, config []kadm.Config, brokers kadm.BrokerDetails) ([]Change, error) {
	copies := int(c.cfg.Replication)
	have := map[string]string{}
	for _, entry := range config {
		have[entry.Key] = entry.MaybeValue()
	}
	var changes, more, fewer []Change
	if n := len(partitions); n != int(t.Partitions) {
		changes = append(changes, Change{
			Topic: t.Name, What: "partitions (KAFKA_PARTITIONS)", Have: strconv.Itoa(n), Want: strconv.Itoa(int(t.Partitions)),
			Impossible: fmt.Sprintf("it never changes, for a key would live elsewhere than its past: set KAFKA_PARTITIONS=%d, or delete the topic and what it holds", n),
		})
	}
	for _, p := range partitions.Sorted() {
		n := len(p.Replicas)
		if p.Err != nil {
			return nil, fmt.Errorf("look at %s/%d: %w", t.Name, p.Partition, p.Err)
		}
		if n == copies || len(more)+len(fewer) > 0 {
			continue
		}
		change := Change{
			Topic: t.Name, What: "replication (REPLICATION_FACTOR)", Have: strconv.Itoa(n), Want: strconv.Itoa(copies),
			Impossible: c.tooFew(brokers),
			make: func(ctx context.Context) error {
				return c.reassign(ctx, t.Name, reassignment(partitions, copies, brokers.NodeIDs()))
			},
		}
		if n < copies {
			more = append(more, change)
		} else {
			fewer = append(fewer, change)
		}
	}
	changes = append(changes, more...)
	want := c.config(t)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		follows := name == minInSync && len(possible(more)) < len(more) // copies that cannot be made
		if have[name] == want[name] || follows {
			continue
		}
		change := Change{Topic: t.Name, What: name, Have: cmp.Or(have[name], "not set"), Want: want[name]}
		change.make = func(ctx context.Context) error { return c.alter(ctx, change) }
		changes = append(changes, change)
	}
	return append(changes, fewer...), nil
}

// alter changes a setting of a topic.
func (c *Cluster) alter(ctx context.Context, change Change) error {
	set := kadm.AlterConfig{Op: kadm.SetConfig, Name: change.What, Value: &change.Want}
	altered, err := c.adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{set}, change.Topic)
	if err == nil {
		answer, _ := altered.On(change.Topic, nil)
		err = answer.Err
	}
	if err != nil {
		return c.named(fmt.Errorf("set %s of topic %s: %w", change.What, change.Topic, err), access{"AlterConfigs", "topic", change.Topic})
	}
	return nil
}

// reassignment gives each partition so many copies: those it has, its leader and who is in sync first, then whoever has
// fewest of the topic.
func reassignment(partitions kadm.PartitionDetails, copies int, brokers []int32) map[int32][]int32 {
	held := map[int32]int{}
	for _, p := range partitions {
		for _, broker := range p.Replicas {
			held[broker]++
		}
	}
	to := map[int32][]int32{}
	for _, p := range partitions.Sorted() {
		for _, among := range [][]int32{{p.Leader}, p.ISR, p.Replicas} {
			for _, broker := range among {
				if len(to[p.Partition]) < copies && slices.Contains(p.Replicas, broker) && !slices.Contains(to[p.Partition], broker) {
					to[p.Partition] = append(to[p.Partition], broker)
				}
			}
		}
		for len(to[p.Partition]) < copies {
			free := slices.DeleteFunc(slices.Clone(brokers), func(b int32) bool { return slices.Contains(to[p.Partition], b) })
			next := slices.MinFunc(free, func(a, b int32) int { return cmp.Or(cmp.Compare(held[a], held[b]), cmp.Compare(a, b)) })
			to[p.Partition] = append(to[p.Partition], next)
			held[next]++
		}
	}
	return to
}

// reassign moves a topic's copies, and returns when all are where they are to be.
func (c *Cluster) reassign(ctx context.Context, topic string, to map[int32][]int32) error {
	var req kadm.AlterPartitionAssignmentsReq
	set := kadm.TopicsSet{}
	for partition, brokers := range to {
		req.Assign(topic, partition, brokers)
		set.Add(topic, partition)
	}
	altered, err := c.adm.AlterPartitionAssignments(ctx, req)
	if err = errors.Join(err, altered.Error()); err != nil {
		return c.named(fmt.Errorf("move the copies of topic %s: %w", topic, err), access{"Alter", "cluster", ""})
	}
	for {
		moving, err := c.adm.ListPartitionReassignments(ctx, set)
		if err != nil {
			return fmt.Errorf("look at the copies of topic %s: %w", topic, err)
		}
		if len(moving[topic]) == 0 {
			return nil
		}
		if !sleep(ctx, settleInterval) {
			return fmt.Errorf("the copies of topic %s are still on their way: %w", topic, context.Cause(ctx))
		}
	}
}

// named is err, or the permission for want of which it came.
func (c *Cluster) named(err error, a access) error {
	if unauthorized(err) {
		return c.missing(a)
	}
	return err
}
