package stream

// What is held here:
//   - a life keeps the local stores of its group's table open, and each has one writer at a time: the session that owns
//     the partition, or else the replica, which follows the table in Kafka;
//   - a session gets a store only when it holds the table to its end: goka has nothing to recover;
//   - who owned a partition in the generation just before still holds it to its end: nobody else can have written since;
//   - hot standby: what is another member's is followed too, so that little is missing when it becomes ours; without it, it
//     is closed, because a store that stood still for long must not pass for one in use;
//   - recover ahead: a member joins when its whole copy is at the end, or when no more of it comes.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// aheadPatience is how long recovering ahead waits when nothing comes.
const aheadPatience = 10 * time.Second

// replica is a life's local copy of its group's table.
type replica struct {
	life  *life
	all   []int32 // the table's partitions
	reads *reader // of the stores that are not owned
	moved chan struct{}

	mu         sync.Mutex
	stores     map[int32]*store
	owned      map[int32]bool
	generation int32 // in which owned are
}

func (l *life) newReplica(ctx context.Context) (*replica, error) {
	all, err := topicManager{l.c, ctx}.Partitions(l.table)
	if err != nil {
		return nil, fmt.Errorf("ask for the partitions of %s: %w", l.table, err)
	}
	reads, err := l.c.newReader(l.group + "-table")
	if err != nil {
		return nil, err
	}
	return &replica{
		life: l, all: all, reads: reads, moved: make(chan struct{}, 1),
		stores: map[int32]*store{}, owned: map[int32]bool{},
	}, nil
}

// run follows the table until ctx ends; then no session may own a store any more, and all are closed.
func (r *replica) run(ctx context.Context) {
	if err := r.reads.run(ctx, r.take); err != nil {
		r.life.fail(err)
		<-ctx.Done() // the session that ends now still has its stores
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.stores {
		r.close(s)
	}
}

func (r *replica) close(s *store) {
	if err := s.Close(); err != nil {
		r.life.log.WithError(err).Warn("local store did not close")
	}
}

// store is a partition's open store; nil: there is none.
func (r *replica) store(partition int32) *store {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stores[partition]
}

// progress is the first offset of a partition that is not in its store yet, and whether a session owns it: then it is at
// the end.
func (r *replica) progress(partition int32) (next int64, owned bool) {
	if s := r.store(partition); s != nil {
		next = s.offset.Load() + 1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return next, r.owned[partition]
}

// followed are the partitions whose stores no session owns, with the first offset that is not in each.
func (r *replica) followed() map[int32]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := map[int32]int64{}
	for partition, s := range r.stores {
		if !r.owned[partition] {
			next[partition] = s.offset.Load() + 1
		}
	}
	return next
}

// recoverAhead fills all stores up to the last stable offsets: a transaction that is open is its owner's business.
func (r *replica) recoverAhead(ctx context.Context) {
	begun := time.Now()
	looking, stop := context.WithTimeout(ctx, aheadPatience)
	err := r.open(looking, r.all)
	var ends map[int32]int64
	if err == nil {
		ends, err = r.ask(looking, r.life.c.adm.ListCommittedOffsets)
	}
	stop()
	if err == nil {
		err = r.reach(ctx, r.all, ends, aheadPatience)
	}
	log := r.life.log.WithField("took", time.Since(begun))
	switch {
	case err == nil:
		log.Info("recovered ahead of joining")
	case ctx.Err() == nil:
		log.WithError(err).Warn("joins without having recovered ahead")
	}
}

// own gives a session of a generation the stores of its partitions, each at its end, and no others.
func (r *replica) own(ctx context.Context, partitions map[int32]bool, generation int32) error {
	gained, want := r.release(partitions, generation), r.all
	if !r.life.c.cfg.HotStandby {
		r.closeBut(partitions)
		want = gained
	}
	if err := r.open(ctx, want); err != nil {
		return err
	}
	if len(gained) > 0 {
		ends, err := r.ask(ctx, r.life.c.adm.ListEndOffsets)
		if err != nil {
			return err
		}
		for {
			err := r.reach(ctx, gained, ends, aheadPatience)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return err
			}
			r.life.state.set(false, err.Error())
			r.life.log.WithError(err).Warn("the table cannot be recovered yet, a transaction may hang in it")
		}
	}
	r.leave(gained)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owned, r.generation = maps.Clone(partitions), generation
	return nil
}

// release takes back what the session before owned, but for what the next generation's session owns again, and returns
// what this one gains.
func (r *replica) release(partitions map[int32]bool, generation int32) (gained []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for partition := range r.owned {
		if generation != r.generation+1 || !partitions[partition] {
			delete(r.owned, partition)
			r.follow(partition)
		}
	}
	return without(partitions, r.owned)
}

// closeBut closes the other partitions' stores.
func (r *replica) closeBut(partitions map[int32]bool) {
	r.mu.Lock()
	others := maps.Clone(r.stores)
	r.mu.Unlock()
	maps.DeleteFunc(others, func(partition int32, _ *store) bool { return partitions[partition] })
	r.leave(slices.Collect(maps.Keys(others)))
	r.mu.Lock()
	defer r.mu.Unlock()
	for partition, s := range others {
		r.close(s)
		delete(r.stores, partition)
	}
}

// leave follows partitions no longer; when it returns, nothing is written to their stores.
func (r *replica) leave(partitions []int32) {
	var left sync.WaitGroup
	for _, partition := range partitions {
		left.Add(1)
		r.reads.remove(r.at(partition), left.Done)
	}
	left.Wait()
}

func (r *replica) at(partition int32) topicPartition { return topicPartition{r.life.table, partition} }

// follow reads on where a store ends; r.mu is held.
func (r *replica) follow(partition int32) {
	from := kgo.NewOffset().At(r.stores[partition].offset.Load() + 1)
	if !r.reads.add(r.at(partition), from, func() {}) {
		r.life.fail(errors.New("the table is not followed any more"))
	}
}

// open opens the stores that are not, and follows the table there.
func (r *replica) open(ctx context.Context, partitions []int32) error {
	var closed []int32
	for _, partition := range partitions {
		if r.store(partition) == nil {
			closed = append(closed, partition)
		}
	}
	if len(closed) == 0 {
		return nil
	}
	starts, err := r.ask(ctx, r.life.c.adm.ListStartOffsets)
	if err != nil {
		return err
	}
	var opened errgroup.Group
	for _, partition := range closed {
		opened.Go(func() error {
			s, err := r.life.c.openStore(ctx, r.life.table, partition, "processor", r.life.fail)
			if err != nil {
				return err
			}
			s.offset.Store(max(s.offset.Load(), starts[partition]-1))
			r.mu.Lock()
			defer r.mu.Unlock()
			r.stores[partition] = s
			r.follow(partition)
			return nil
		})
	}
	return opened.Wait()
}

// ask asks for the table's offsets until they are known or ctx ends.
func (r *replica) ask(
	ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error),
) (map[int32]int64, error) {
	for {
		listed, err := list(ctx, r.life.table)
		if err = errors.Join(err, listed.Error()); err == nil {
			offsets := map[int32]int64{}
			for _, o := range listed.Offsets().Sorted() {
				offsets[o.Partition] = o.At
			}
			return offsets, nil
		}
		r.life.log.WithError(err).Debug("offset lookup refused")
		if !sleep(ctx, 200*time.Millisecond) {
			return nil, fmt.Errorf("ask for the offsets of %s: %w", r.life.table, err)
		}
	}
}

// reach waits until the stores hold everything before ends. It fails when ctx ends, or when nothing comes for patience.
func (r *replica) reach(ctx context.Context, partitions []int32, ends map[int32]int64, patience time.Duration) error {
	lacked := int64(-1)
	gone := time.NewTimer(patience)
	defer gone.Stop()
	for {
		var lacks int64
		for _, partition := range partitions {
			lacks += max(0, ends[partition]-r.store(partition).offset.Load()-1)
		}
		if lacks == 0 {
			return nil
		}
		if lacks != lacked {
			lacked = lacks
			gone.Reset(patience)
		}
		select {
		case <-r.moved:
		case <-gone.C:
			return fmt.Errorf("nothing came of %s for %v, %d records are missing", r.life.table, patience, lacks)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take writes down what was read, partitions side by side.
func (r *replica) take(fetches kgo.Fetches) error {
	var written errgroup.Group
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		s := r.store(f.Partition)
		written.Go(func() error {
			switch {
			case f.Err != nil && f.Topic != "":
				return fmt.Errorf("read %s/%d: %w", f.Topic, f.Partition, f.Err)
			case len(f.Records) == 0:
				return nil
			}
			var rows []row
			for _, record := range f.Records {
				if !record.Attrs.IsControl() {
					rows = append(rows, row{string(record.Key), record.Value})
				}
			}
			return s.write(rows, f.Records[len(f.Records)-1].Offset)
		})
	})
	if err := written.Wait(); err != nil {
		return err
	}
	nudge(r.moved)
	return nil
}
