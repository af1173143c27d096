package stream

// What is held here:
//   - a topic that is missing is made, a topic that differs is refused with everything that differs and what mends it;
//   - a cluster with too few brokers for the replication wanted is refused before anything is made;
//   - two processes that start at once both succeed.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
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

// Ensure makes the topics that are missing, with Config.Replication, and returns once every broker knows of them. It
// fails, having made nothing, when a topic is there and differs, with a line for each difference, and when something is
// missing and the cluster has fewer brokers than copies are wanted. Repeating it is harmless.
func (c *Cluster) Ensure(ctx context.Context, topics []Topic) error {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	for made := false; ; made = true {
		changes, err := c.Plan(ctx, topics)
		if err != nil || len(changes) == 0 && !made {
			return err
		}
		if len(changes) == 0 {
			return c.agree(ctx, topics)
		}
		var differ []error
		for _, change := range changes {
			switch {
			case change.Impossible != "":
				differ = append(differ, errors.New(change.String()))
			case !change.missing():
				differ = append(differ, errors.New(change.String()+" (countersign topics apply)"))
			}
		}
		if len(differ) > 0 {
			return errors.Join(differ...)
		}
		for _, change := range changes {
			if err := change.make(ctx); err != nil {
				return err
			}
		}
		if !sleep(ctx, settleInterval) {
			return errDisagree(ctx)
		}
	}
}

func errDisagree(ctx context.Context) error {
	return fmt.Errorf("the brokers do not agree on the topics: %w", context.Cause(ctx))
}

// agree returns when all brokers say the same of the topics: one may not have heard yet of what another has done. A broker
// that cannot be asked has no say.
func (c *Cluster) agree(ctx context.Context, topics []Topic) error {
	for {
		brokers, err := c.adm.ListBrokers(ctx)
		if err != nil {
			return fmt.Errorf("list brokers: %w", err)
		}
		var said []string
		for _, id := range brokers.NodeIDs() {
			if words, err := known(ctx, c.cl.Broker(int(id)), topics); err == nil {
				said = append(said, words)
			}
		}
		if len(slices.Compact(said)) == 1 {
			return nil
		}
		if !sleep(ctx, settleInterval) {
			return errDisagree(ctx)
		}
	}
}

// known is what a broker knows of the topics: whether they are there, their copies, and what was set.
func known(ctx context.Context, broker *kgo.Broker, topics []Topic) (string, error) {
	where, settings := kmsg.NewPtrMetadataRequest(), kmsg.NewPtrDescribeConfigsRequest()
	for _, t := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(t.Name)
		where.Topics = append(where.Topics, topic)
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, t.Name
		settings.Resources = append(settings.Resources, resource)
	}
	var words []string
	answer, err := broker.Request(ctx, where)
	if err != nil {
		return "", err
	}
	for _, topic := range answer.(*kmsg.MetadataResponse).Topics {
		for _, p := range topic.Partitions {
			words = append(words, fmt.Sprint(*topic.Topic, p.Partition, p.Replicas))
		}
	}
	if answer, err = broker.Request(ctx, settings); err != nil {
		return "", err
	}
	for _, topic := range answer.(*kmsg.DescribeConfigsResponse).Resources {
		for _, entry := range topic.Configs {
			if entry.Source == kmsg.ConfigSourceDynamicTopicConfig && entry.Value != nil {
				words = append(words, fmt.Sprint(topic.ResourceName, entry.Name, *entry.Value))
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, "\n"), nil
}
