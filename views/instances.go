package views

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"countersign/stream"
	"countersign/topics"
	"countersign/topology"
)

// Rules:
//   - an instance was heard of when its record came, by our clock;
//   - of a record that was there before us, what it says of its time must do: but it came before us.

// Instances is the view of instances.
type Instances struct {
	view       *stream.View
	partitions int32
	began      time.Time

	mu    sync.Mutex
	heard map[string]time.Time // by key: what came since the view was recovered
}

// NewInstances returns the view; Run fills it. Every group's inputs have so many partitions.
func NewInstances(cluster *stream.Cluster, partitions int32) (*Instances, error) {
	i := &Instances{partitions: partitions, began: time.Now(), heard: map[string]time.Time{}}
	view, err := cluster.NewView(stream.ViewConfig{Topic: topics.Instances, Codec: topics.Codec[topics.Instance]{}, Update: i.hear})
	if err != nil {
		return nil, fmt.Errorf("view of %s: %w", topics.Instances, err)
	}
	i.view = view
	return i, nil
}

// Run follows the topic until ctx ends.
func (i *Instances) Run(ctx context.Context) error { return i.view.Run(ctx) }

func (i *Instances) hear(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
	i.mu.Lock()
	switch {
	case value == nil:
		delete(i.heard, key)
	case i.view.Health().Ready:
		i.heard[key] = time.Now()
	}
	i.mu.Unlock()
	return goka.DefaultUpdate(ctx, s, key, value)
}

// Topology returns who runs, and what each owns.
func (i *Instances) Topology() (topology.Topology, error) {
	all, err := i.all()
	return topology.Of(all, []string{topics.UserService, topics.NotificationService}, i.partitions, time.Now()), err
}

// Forgotten returns the keys of those of whom nothing more is expected. To delete one that lives does no harm: it tells
// of itself again.
func (i *Instances) Forgotten() (keys []string, err error) {
	all, err := i.all()
	for _, h := range all {
		if h.Forgotten(time.Now()) {
			keys = append(keys, h.Key())
		}
	}
	return keys, err
}

func (i *Instances) all() (all []topology.Heard, err error) {
	for row, err := range i.view.Rows("", "") {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", topics.Instances, err)
		}
		m := row.Value.(*topics.Message[topics.Instance])
		if m.Err != nil {
			continue // another version's, perhaps
		}
		all = append(all, topology.Heard{Instance: m.Value, HeardAt: i.heardAt(row.Key, m.Value)})
	}
	return all, nil
}

func (i *Instances) heardAt(key string, of topics.Instance) time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	if at, ok := i.heard[key]; ok {
		return at
	}
	if of.At.After(i.began) {
		return i.began
	}
	return of.At
}
