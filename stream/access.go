package stream

// What is held here:
//   - what the brokers must allow is asked before anything runs, by requests that change nothing;
//   - what they do not is named by the commands that grant it, also of what runs and is refused later;
//   - what can be done without is warned of: that a dead instance's transaction cannot be ended.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// access is something that the brokers must allow.
type access struct {
	operation string // Read or Write
	resource  string // as an option of kafka-acls: topic, group, cluster, or transactional-id with name as its prefix
	name      string
}

func topicAccess(operation string, topics ...string) []access {
	all := make([]access, len(topics))
	for i, topic := range topics {
		all[i] = access{operation, "topic", topic}
	}
	return all
}

// need notes what will be needed.
func (c *Cluster) need(needed []access) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.needed = append(c.needed, needed...)
}

// Allowed asks whether the brokers allow what the processors, views and emitters made so far do when they run. It fails
// with a line for each permission that is missing, which is the command that gives it. What the brokers do not answer
// within 30 s is taken for allowed: who runs is told when he is refused.
func (c *Cluster) Allowed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	c.mu.Lock()
	needed := slices.Clone(c.needed)
	c.mu.Unlock()
	err := c.allowed(ctx, needed)
	for _, a := range needed {
		if err == nil && a.resource == "transactional-id" && unauthorized(c.tryTransaction(ctx, a.name+"another-0")) {
			c.log.Warn("a dead instance's open transaction cannot be ended, only waited for: ", c.missing(a))
		}
	}
	return err
}

// allowed asks for all that is needed.
func (c *Cluster) allowed(ctx context.Context, needed []access) error {
	operations, err := c.operations(ctx, needed)
	var missing []error
	for _, a := range needed {
		switch a.resource {
		case "topic":
			if err == nil && operations[a.name]&a.bit() == 0 {
				missing = append(missing, c.missing(a))
			}
		case "group":
			if unauthorized(c.tryGroup(ctx, a.name)) {
				missing = append(missing, c.missing(a))
			}
		case "transactional-id":
			if unauthorized(c.tryTransaction(ctx, a.name+c.cfg.Instance+"-0")) {
				missing = append(missing, c.missing(a))
			}
		}
	}
	return errors.Join(missing...)
}

// anything is every operation: what is not known is taken for allowed.
const anything = -1

// operations asks for what may be done with the topics, a bit each (KIP-430). It changes nothing.
func (c *Cluster) operations(ctx context.Context, needed []access) (map[string]int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = true
	for _, a := range needed {
		if a.resource == "topic" {
			req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &a.name})
		}
	}
	if len(req.Topics) == 0 {
		return nil, nil
	}
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return nil, err
	}
	operations := map[string]int32{}
	for _, t := range resp.Topics {
		switch {
		case t.Topic == nil || unauthorized(kerr.ErrorForCode(t.ErrorCode)):
		case t.ErrorCode != 0 || t.AuthorizedOperations == math.MinInt32: // not there yet, or a broker that does not tell
			operations[*t.Topic] = anything
		default:
			operations[*t.Topic] = t.AuthorizedOperations
		}
	}
	return operations, nil
}

// bit of the operation among those that are allowed.
func (a access) bit() int32 {
	operation, _ := kmsg.ParseACLOperation(a.operation)
	return 1 << operation
}

// tryGroup sends the heartbeat of a member that does not exist, which needs Read and changes nothing.
func (c *Cluster) tryGroup(ctx context.Context, group string) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, "nobody", -1
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// tryTransaction ends the transaction of a producer that does not exist, which needs Write and changes nothing.
func (c *Cluster) tryTransaction(ctx context.Context, id string) error {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, -1, -1
	resp, err := req.RequestWith(ctx, c.cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// unauthorized recognises what means a missing permission, also in goka's words.
func unauthorized(err error) bool {
	return err != nil && strings.Contains(err.Error(), "_AUTHORIZATION_FAILED")
}

// missing names a permission by the command that gives it.
func (c *Cluster) missing(a access) error {
	command := fmt.Sprintf("kafka-acls --bootstrap-server %s --add --allow-principal '%s' --operation %s --%s",
		c.cfg.Brokers[0], c.cfg.Security.principal(), a.operation, a.resource)
	switch a.resource {
	case "cluster":
	case "transactional-id":
		command += " " + a.name + " --resource-pattern-type prefixed"
	default:
		command += " " + a.name
	}
	return errors.New("missing permission: " + command)
}

// lacks is allowed for who runs already.
func (c *Cluster) lacks(ctx context.Context, needed []access) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return c.allowed(ctx, needed)
}

// explained is live with the missing permission in the place of the error that came of it.
func (c *Cluster) explained(live func(context.Context) error, needed []access) func(context.Context) error {
	return func(ctx context.Context) error {
		err := live(ctx)
		if ctx.Err() == nil && unauthorized(err) {
			err = cmp.Or(c.lacks(ctx, needed), err)
		}
		return err
	}
}

// principal is who the brokers take us for, as their access lists name it.
func (s Security) principal() string {
	switch {
	case s.Username != "":
		return "User:" + s.Username
	case s.CertFile == "":
		return "User:ANONYMOUS"
	}
	pair, err := s.certificate(nil)
	if err != nil {
		return "User:" + s.CertFile
	}
	return "User:" + pair.Leaf.Subject.String()
}
