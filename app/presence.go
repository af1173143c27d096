package app

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/sirupsen/logrus"

	"countersign/stream"
	"countersign/topics"
	"countersign/topology"
)

// Rules:
//   - a process tells of itself every topology.Interval, and takes its record away when it stops;
//   - nothing waits for that: it has an emitter of its own, and what it cannot tell it tells the next time;
//   - who reads what others tell takes away the records of those that are forgotten.

// presence tells others of this process.
type presence struct {
	log       logrus.FieldLogger
	emitter   *stream.Emitter
	self      func() topics.Instance
	forgotten func() (keys []string, err error) // nil: another's business
	failing   bool
}

// addPresence makes what tells of this process; in the base layer, so that it tells of the others' end, too.
func (n *node) addPresence(forgotten func() ([]string, error)) error {
	emitter, err := n.cluster.NewEmitter(stream.EmitterConfig{
		Topics: []string{topics.Instances}, ClientID: "presence", MaxInFlight: 2, AckTimeout: topology.Interval / 2,
	})
	if err != nil {
		return err
	}
	p := &presence{log: n.log, emitter: emitter, self: n.instance(), forgotten: forgotten}
	n.add(base, "presence", p.run)
	return nil
}

func (p *presence) run(ctx context.Context) error {
	defer p.emitter.Close()
	tick := time.NewTicker(topology.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		p.tell(ctx, p.self())
		p.forget(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	p.emit(context.WithoutCancel(ctx), p.self().Key(), nil)
	return nil
}

func (p *presence) tell(ctx context.Context, self topics.Instance) {
	value, err := topics.Codec[topics.Instance]{}.Encode(self)
	if err != nil {
		p.log.WithError(err).Error("this process cannot tell of itself")
		return
	}
	p.emit(ctx, self.Key(), value)
}

func (p *presence) forget(ctx context.Context) {
	if p.forgotten == nil {
		return
	}
	keys, err := p.forgotten()
	if err != nil {
		p.log.WithError(err).Debug("who is forgotten is not known")
	}
	for _, key := range keys {
		p.emit(ctx, key, nil)
	}
}

// emit writes a record. It warns once when that fails, until it succeeds again.
func (p *presence) emit(ctx context.Context, key string, value []byte) {
	err := p.emitter.Emit(ctx, topics.Instances, key, value, nil)
	if ctx.Err() != nil {
		return // it is the end that came first
	}
	if err != nil && !p.failing {
		p.log.WithError(err).Warn("this process cannot tell of itself")
	}
	p.failing = err != nil
}

// instance returns what this process tells of itself, each time anew.
func (n *node) instance() func() topics.Instance {
	host, _ := os.Hostname() // without one, the name must do
	still := topics.Instance{
		Name: n.settings.InstanceID, Roles: n.roles.names(),
		Host: host, PID: os.Getpid(), InternalAddr: n.settings.InternalAddr, StartedAt: time.Now().UTC(),
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		still.Version = build.Main.Version
	}
	return func() topics.Instance {
		i := still
		i.At, i.Parts, i.Groups = time.Now().UTC(), []topology.Part{}, []topology.Group{}
		for _, c := range n.ready() {
			i.Parts = append(i.Parts, topology.Part{
				Name: c.Name, Ready: c.Ready, Reason: c.Reason, BehindSeconds: c.Behind.Seconds(),
			})
		}
		for _, p := range n.processors {
			i.Groups = append(i.Groups, groupOf(p.Status()))
		}
		return i
	}
}

// groupOf is a processor's status as it is told.
func groupOf(s stream.Status) topology.Group {
	g := topology.Group{
		Group: s.Group, Ready: s.Health.Ready, Reason: s.Health.Reason, Since: s.Health.Since.UTC(),
		BehindSeconds: s.Health.Behind.Seconds(), Generation: s.Generation, Partitions: []topology.Partition{},
		Standby: topology.Standby{Partitions: s.Standby.Partitions, Missing: s.Standby.Missing},
		Transactions: topology.Transactions{
			Committed: s.Transactions.Committed, Left: s.Transactions.Left,
			LastMS: ms(s.Transactions.Last), P50MS: ms(s.Transactions.P50), P99MS: ms(s.Transactions.P99),
		},
	}
	for _, p := range s.Partitions {
		g.Partitions = append(g.Partitions, topology.Partition{
			Partition: p.Partition, RestoredTo: p.Restored.Offset, RestoreEnd: p.Restored.End,
			LagProcessed: p.LagProcessed, LagCommitted: p.LagCommitted, BehindSeconds: p.Behind.Seconds(),
		})
	}
	if r := s.Rebalance; r != nil {
		g.LastRebalance = &topology.Rebalance{At: r.At.UTC(), GapMS: ms(r.Gap), Gained: r.Gained, Lost: r.Lost}
	}
	if f := s.Failure; f != nil {
		g.LastFailure = &topology.Failure{At: f.At.UTC(), Reason: f.Reason, Restarts: f.Restarts}
	}
	return g
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
