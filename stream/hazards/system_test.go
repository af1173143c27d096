package hazards

// What is held here:
//   - a scenario asks of either system the same, and knows neither.

import (
	"context"
	"sync"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// system is goka as it comes, or stream.
type system interface {
	name() string
	shows() bool // that it has the hazards
	partitioner() kgo.Partitioner
	// process runs a graph. assigned, if not nil, is told that partitions are the instance's, and how many rows with the
	// keys k0 to k9 can be read then.
	process(i *instance, graph *goka.GroupGraph, assigned func(rows int)) (*running, error)
	view(i *instance, topic string, update goka.UpdateCallback) (*viewing, error)
	emitter(i *instance, topic string) func(key string, value []byte) error
	numbers() goka.Codec // for input that may hold something else
	input(topic string, codec goka.Codec, callback goka.ProcessCallback) goka.Edge
	visitor(name string, callback goka.ProcessCallback) goka.Edge
}

func systems() []system { return []system{plain{}, ours{}} }

// running is a processor or a view that runs.
type running struct {
	*instance
	stop  func()
	ended chan struct{} // it ran
	ready func() bool

	// Of processors:
	readied func() bool // it has said that it is ready, if only for a moment
	behind  func() bool // it says that it is behind
	visit   func(ctx context.Context, name string, meta any) error
}

// viewing is a view that runs.
type viewing struct {
	*running
	get func(key string) (any, error)
}

// process runs a graph on the instance's system.
func (i *instance) process(graph *goka.GroupGraph) *running {
	i.Helper()
	r, err := i.system.process(i, graph, nil)
	if err != nil {
		i.Fatal(err)
	}
	return r
}

// view runs a view of counts on the instance's system.
func (i *instance) view(topic string, update goka.UpdateCallback) *viewing {
	i.Helper()
	v, err := i.system.view(i, topic, update)
	if err != nil {
		i.Fatal(err)
	}
	return v
}

// run runs something until it is told to stop, at the latest with the test. What plain goka says at its end is not
// looked at.
func (i *instance) run(run func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{instance: i, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		err := run(ctx)
		i.Logf("%s ended: %v", i.name, err)
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-r.ended:
		case <-time.After(patience):
			i.Errorf("%s does not stop", i.name)
		}
	})
	i.Cleanup(r.stop)
	return r
}

// over says whether it ended by itself.
func (r *running) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// restarts is how often ours began anew on this instance; plain goka never does.
func (i *instance) restarts() int {
	families, _ := i.metrics.Gather()
	for _, f := range families {
		if f.GetName() == "countersign_stream_restarts_total" {
			return int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return 0
}
