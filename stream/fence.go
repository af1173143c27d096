package stream

// What is held here:
//   - a dead instance's open transaction does not hold up readers until it times out (up to 20 s): whoever gets partitions
//     after it fences it, whatever it wrote;
//   - a live member's is never fenced. Only a member begins a transaction, and it ends it before it leaves: of one that was
//     open before the group named its members, and is open still, whose instance is no member, nothing can be committed;
//   - nor is one of a group whose name only begins like this one's, unless it wrote to this group's topics alone.

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// An instance that died unseen is still a member for a while, and one that was paused may still begin a transaction.
const (
	fenceLooks    = 10
	fenceInterval = 300 * time.Millisecond
)

// fence looks for dead transactions at the beginning of a session.
func (p *Processor) fence(ctx context.Context) {
	var blind error
	for range fenceLooks {
		var dead []string
		dead, blind = p.deadTransactions(ctx)
		for _, id := range dead {
			p.fenceTransaction(ctx, id)
		}
		if !sleep(ctx, fenceInterval) {
			return
		}
	}
	if blind != nil {
		p.log.WithError(blind).Warn("open transactions cannot be seen, a dead instance's may hold up readers")
	}
}

// deadTransactions are the ids of this group's open transactions that nobody will commit.
func (p *Processor) deadTransactions(ctx context.Context) ([]string, error) {
	listed, err := p.c.adm.ListTransactions(ctx, nil, []string{"Ongoing"})
	if err != nil {
		return nil, err
	}
	own := transactionalIDs(p.group, p.c.cfg.Instance)
	suspects := slices.DeleteFunc(listed.TransactionalIDs(), func(id string) bool {
		return !strings.HasPrefix(id, p.group+"-") || slices.Contains(own, id)
	})
	if len(suspects) == 0 {
		return nil, nil
	}
	before, err := p.c.adm.DescribeTransactions(ctx, suspects...)
	if err != nil {
		return nil, err
	}
	groups, err := p.c.adm.DescribeGroups(ctx, p.group)
	if err != nil {
		return nil, err
	}
	if err := groups[p.group].Err; err != nil {
		return nil, err
	}
	var live []string
	for _, m := range groups[p.group].Members {
		live = append(live, transactionalIDs(p.group, strings.TrimSuffix(m.ClientID, "-"+p.group))...)
	}
	after, err := p.c.adm.DescribeTransactions(ctx, suspects...)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(suspects, func(id string) bool {
		a, b := before[id], after[id]
		same := a.State == "Ongoing" && b.State == "Ongoing" && a.ProducerID == b.ProducerID &&
			a.ProducerEpoch == b.ProducerEpoch && a.StartTimestamp == b.StartTimestamp
		return !same || slices.Contains(live, id) || !p.writes(b.Topics)
	}), nil
}

// writes says whether a transaction in these topics may be one of this group.
func (p *Processor) writes(topics kadm.TopicsSet) bool {
	own := append(p.cfg.Graph.OutputStreams().Topics(), p.table, "__consumer_offsets")
	if loop := p.cfg.Graph.LoopStream(); loop != nil {
		own = append(own, loop.Topic())
	}
	return len(topics) > 0 && !slices.ContainsFunc(topics.Topics(), func(topic string) bool { return !slices.Contains(own, topic) })
}

// fenceTransaction aborts an open transaction by becoming its producer.
func (p *Processor) fenceTransaction(ctx context.Context, id string) {
	cl, err := p.c.newClient(p.group+"-fence", kgo.TransactionalID(id), kgo.TransactionTimeout(p.c.cfg.TransactionTimeout))
	if err == nil {
		_, _, err = cl.ProducerID(ctx)
		cl.Close()
	}
	log := p.log.WithField("transactional_id", id)
	switch {
	case err == nil:
		log.Info("fenced a dead instance's transaction")
	case ctx.Err() == nil:
		log.WithError(err).Warn("a dead instance's transaction cannot be fenced")
	}
}
