package stream

// What is held here:
//   - a follower is told of a partition only when nothing is hidden from it: its table is recovered, and what was in the
//     CatchUp topics when the session began is processed and committed;
//   - it is told of committed rows only, each once, in the order of their commits;
//   - it has let go before the partition may become another member's.

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// Follower is told of a processor's table as it is committed. The calls for one partition come one after another;
// Assigned and Committed hold up the processor until they return.
type Follower interface {
	// Assigned says that the partition is ours from now on. rows are its committed rows, to be read before it returns.
	Assigned(partition int32, rows iter.Seq2[string, []byte])
	// Committed says that a row was written; value nil: deleted. It is called after the commit, for each key once,
	// between Assigned and Revoked.
	Committed(partition int32, key string, value []byte)
	// Revoked says that the partition may soon be another's. It returns when nothing of it is under way, which the
	// follower bounds by Cluster.RevokeTimeout. Partitions are revoked at the same time. What is committed
	// after it is in the rows of the next Assigned.
	Revoked(partition int32)
}

// follows is what a session owes its follower.
type follows struct {
	life    *life
	session *session

	mu       sync.Mutex
	over     bool
	awaits   map[int32]map[topicPartition]int64 // by partition: what must be committed before Assigned
	assigned map[int32]bool
}

func newFollows(l *life, s *session) *follows {
	return &follows{life: l, session: s, awaits: map[int32]map[topicPartition]int64{}, assigned: map[int32]bool{}}
}

// begin reads how far the CatchUp topics reach now.
func (f *follows) begin(ctx context.Context) error {
	if f.life.cfg.Follower == nil {
		return nil
	}
	for tp := range f.session.claims {
		f.awaits[tp.partition] = map[topicPartition]int64{}
	}
	if len(f.life.cfg.CatchUp) == 0 || len(f.session.claims) == 0 {
		return nil
	}
	for {
		starts, ends, err := f.life.c.bounds(ctx, f.life.cfg.CatchUp)
		if err == nil {
			for tp, end := range ends {
				if f.session.claims[tp] != nil && end > starts[tp] {
					f.awaits[tp.partition][tp] = end
				}
			}
			return nil
		}
		f.life.log.WithError(err).Debug("offset lookup refused")
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("read the ends of the topics to catch up with: %w", err)
		}
	}
}

// look assigns the partitions that have caught up.
func (f *follows) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for partition, marks := range f.awaits {
		if f.over || !f.reached(marks) {
			continue
		}
		delete(f.awaits, partition)
		f.assigned[partition] = true
		rows := func(func(string, []byte) bool) {}
		if o := f.life.stores.get(partition); o != nil {
			rows = o.committed()
		}
		f.tell(func(to Follower) { to.Assigned(partition, rows) })
	}
}

func (f *follows) reached(marks map[topicPartition]int64) bool {
	for tp, mark := range marks {
		if max(f.session.claims[tp].position(), f.life.lag.start(tp)) < mark { // what has expired is not waited for
			return false
		}
	}
	return true
}

// committed tells of the rows of a commit.
func (f *follows) committed(rows map[int32][]row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for partition, written := range rows {
		if f.over || !f.assigned[partition] {
			continue
		}
		f.tell(func(to Follower) {
			for _, r := range written {
				to.Committed(partition, r.key, r.value)
			}
		})
	}
}

// end revokes every assigned partition and waits.
func (f *follows) end() {
	f.mu.Lock()
	f.over = true
	partitions := slices.Collect(maps.Keys(f.assigned))
	f.mu.Unlock()
	var revoked sync.WaitGroup
	for _, partition := range partitions {
		revoked.Go(func() { f.tell(func(to Follower) { to.Revoked(partition) }) })
	}
	revoked.Wait()
}

// tell calls the follower. Its panic ends the life.
func (f *follows) tell(call func(Follower)) {
	if err := guard("the follower", func() error { call(f.life.cfg.Follower); return nil }); err != nil {
		f.life.cycle.fail(err)
	}
}
