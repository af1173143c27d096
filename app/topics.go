package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"countersign/stream"
	"countersign/topics"
)

// differing is how many changes a plan holds.
type differing int

// Error is one line.
func (d differing) Error() string {
	return fmt.Sprintf("the topics differ in %d ways; 'countersign topics apply' mends those that do not say otherwise", d)
}

// ExitCode tells a plan that is not empty from one that failed.
func (differing) ExitCode() int { return 2 }

// topics are what the topics must be.
func (s *Settings) topics() []stream.Topic {
	var all []stream.Topic
	for _, t := range topics.All() {
		all = append(all, stream.Topic{Name: t.Name, Partitions: t.Partitions(s.KafkaPartitions), Config: t.Config(s.embeddedKafka())})
	}
	return all
}

// PlanTopics prints a line for each way in which a topic of KAFKA_BROKER_LIST is not as it must be. It changes nothing.
// If there is one, its error has the exit code 2.
func PlanTopics(ctx context.Context, s Settings, out io.Writer) error {
	return s.administer(ctx, func(c *stream.Cluster) error {
		changes, err := c.Plan(ctx, s.topics())
		if err != nil {
			return err
		}
		for _, change := range changes {
			fmt.Fprintln(out, change)
		}
		if len(changes) > 0 {
			return differing(len(changes))
		}
		fmt.Fprintln(out, "the topics are as they must be")
		return nil
	})
}

// ApplyTopics makes what PlanTopics prints, and prints what it has made. It fails if not all of it could be made, with a
// line for each change that is left. Repeating it is harmless.
func ApplyTopics(ctx context.Context, s Settings, out io.Writer) error {
	return s.administer(ctx, func(c *stream.Cluster) error {
		if err := c.Apply(ctx, s.topics(), func(made stream.Change) { fmt.Fprintln(out, "made:", made) }); err != nil {
			return err
		}
		left, err := c.Plan(ctx, s.topics())
		for _, change := range left {
			err = errors.Join(err, errors.New(change.String()))
		}
		if err == nil {
			fmt.Fprintln(out, "the topics are as they must be")
		}
		return err
	})
}

// administer connects to KAFKA_BROKER_LIST as nobody who stays.
func (s *Settings) administer(ctx context.Context, do func(*stream.Cluster) error) error {
	if err := s.complete(Roles{}); err != nil {
		return err
	}
	log, err := s.logger()
	if err != nil {
		return err
	}
	config := s.kafka(log)
	config.Instance = "topics"
	cluster, err := stream.Dial(ctx, config)
	if err != nil {
		return err
	}
	defer cluster.Close()
	return do(cluster)
}
