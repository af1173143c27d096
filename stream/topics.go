package stream

// What is held here:
//   - a topic that is missing is made, a topic that differs is refused with everything that differs;
//   - one lost broker neither loses what was acknowledged nor stops writing: min.insync.replicas is one less than the
//     copies, of a topic that was there before, too;
//   - a cluster with too few brokers for the replication wanted is refused before anything is made;
//   - two processes that start at once both succeed.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Topic is what a topic must be. Config holds only what matters: what it does not name is not compared, but for
// min.insync.replicas, which is one less than Config.Replication (at least 1).
type Topic struct {
	Name       string
	Partitions int32
	Config     map[string]string
}

// ensureTimeout bounds one call of Ensure, askTimeout one question about topics.
const (
	ensureTimeout = 30 * time.Second
	askTimeout    = 5 * time.Second
)

// Ensure makes the topics that are missing, with Config.Replication, and returns once the brokers answer for them. It
// fails, having made nothing, when a topic is there and differs, with a line for each difference, and when something is
// missing and the cluster has fewer brokers than copies are wanted. Repeating it is harmless.
func (c *Cluster) Ensure(ctx context.Context, topics []Topic) error {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	there, err := c.adm.ListTopics(ctx, names(topics)...)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	var found, missing []Topic
	for _, t := range topics {
		switch d := there[t.Name]; {
		case there.Has(t.Name):
			found = append(found, t)
		case d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("look at topic %s: %w", t.Name, d.Err)
		default:
			missing = append(missing, t)
		}
	}
	if err := c.compare(ctx, found); err != nil {
		return err
	}
	if err := c.create(ctx, missing); err != nil {
		return err
	}
	return c.compare(ctx, missing) // another process may have made them otherwise
}

func names(topics []Topic) []string {
	all := make([]string, len(topics))
	for i, t := range topics {
		all[i] = t.Name
	}
	return all
}

// compare returns once the brokers answer for the topics, with every difference as an error.
func (c *Cluster) compare(ctx context.Context, topics []Topic) error {
	if len(topics) == 0 {
		return nil
	}
	for { // a broker may not have heard yet of a topic that another has made
		differ, err := c.differences(ctx, topics)
		switch {
		case err == nil && len(differ) == 0:
			return nil
		case err == nil:
			return errors.New(strings.Join(differ, "\n"))
		case !kerr.IsRetriable(err) || !sleep(ctx, 20*time.Millisecond):
			return err
		}
	}
}

func (c *Cluster) create(ctx context.Context, topics []Topic) error {
	if len(topics) == 0 {
		return nil
	}
	brokers, err := c.adm.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("list brokers: %w", err)
	}
	if int(c.cfg.Replication) > len(brokers) {
		return fmt.Errorf("REPLICATION_FACTOR is %d, but the cluster has %d broker(s)", c.cfg.Replication, len(brokers))
	}
	for _, t := range topics {
		config := map[string]*string{}
		for name, value := range c.config(t) {
			config[name] = &value
		}
		_, err := c.adm.CreateTopic(ctx, t.Partitions, c.cfg.Replication, config, t.Name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", t.Name, err)
		}
	}
	return nil
}

// config is what a topic's settings must be.
func (c *Cluster) config(t Topic) map[string]string {
	config := map[string]string{"min.insync.replicas": strconv.Itoa(max(1, int(c.cfg.Replication)-1))}
	maps.Copy(config, t.Config)
	return config
}

// differences are a line for each way in which a topic is not as it must be.
func (c *Cluster) differences(ctx context.Context, topics []Topic) ([]string, error) {
	there, err := c.adm.ListTopics(ctx, names(topics)...)
	if err = errors.Join(err, there.Error()); err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	configs, err := c.adm.DescribeTopicConfigs(ctx, names(topics)...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	var differ []string
	for _, t := range topics {
		differs := func(what string, have, want any) {
			if have != want {
				differ = append(differ, fmt.Sprintf("topic %s: %s is %v, want %v", t.Name, what, have, want))
			}
		}
		for _, p := range there[t.Name].Partitions {
			if p.Err != nil {
				return nil, fmt.Errorf("look at %s/%d: %w", t.Name, p.Partition, p.Err)
			}
		}
		differs("partitions (KAFKA_PARTITIONS)", len(there[t.Name].Partitions), int(t.Partitions))
		differs("replication (REPLICATION_FACTOR)", there[t.Name].Partitions.NumReplicas(), int(c.cfg.Replication))
		config, err := configs.On(t.Name, nil)
		if err = errors.Join(err, config.Err); err != nil {
			return nil, fmt.Errorf("describe topic %s: %w", t.Name, err)
		}
		have := map[string]string{}
		for _, entry := range config.Configs {
			have[entry.Key] = entry.MaybeValue()
		}
		want := c.config(t)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			differs(name, have[name], want[name])
		}
	}
	return differ, nil
}
