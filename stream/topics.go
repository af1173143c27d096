package stream

// What is held here:
//   - a topic that is missing is made, a topic that differs is refused with everything that differs and what mends it;
//   - a cluster with too few brokers for the replication wanted is refused before anything is made;
//   - two processes that start at once both succeed.

import (
	"context"
	"errors"
	"fmt"
	"time"
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
	for {
		changes, err := c.Plan(ctx, topics)
		if err != nil || len(changes) == 0 {
			return err
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
		if !sleep(ctx, settleInterval) { // a broker may not have heard yet of a topic that another has made
			return fmt.Errorf("the brokers do not agree on the topics: %w", context.Cause(ctx))
		}
	}
}
