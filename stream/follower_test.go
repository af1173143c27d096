package stream

import (
	"fmt"
	"iter"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger is what all followers of a test were told.
type ledger struct {
	t      *testing.T
	mu     sync.Mutex
	owners map[int32]string
	first  map[int32]map[string]int // rows at the first assignment of each partition
	rows   map[string]int
	told   map[string]int // how often a row was reported
}

func newLedger(t *testing.T) *ledger {
	return &ledger{
		t: t, owners: map[int32]string{}, first: map[int32]map[string]int{}, rows: map[string]int{}, told: map[string]int{},
	}
}

func (l *ledger) partitions(owner string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.owners {
		if o == owner {
			n++
		}
	}
	return n
}

func (l *ledger) total() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for row := range maps.Values(l.rows) {
		n += row
	}
	return n
}

// apprentice is a Follower of one instance.
type apprentice struct {
	*ledger
	name string
}

func (f apprentice) Assigned(partition int32, rows iter.Seq2[string, []byte]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if owner := f.owners[partition]; owner != "" {
		f.t.Errorf("partition %d is assigned to %s while it is %s's", partition, f.name, owner)
	}
	f.owners[partition] = f.name
	seen := map[string]int{}
	for key, value := range rows {
		n, err := strconv.Atoi(string(value))
		if err != nil || n < f.rows[key] {
			f.t.Errorf("assigned row %s is %q, %d was reported", key, value, f.rows[key])
		}
		seen[key], f.rows[key] = n, n
	}
	if f.first[partition] == nil {
		f.first[partition] = seen
	}
}

func (f apprentice) Committed(partition int32, key string, value []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if owner := f.owners[partition]; owner != f.name {
		f.t.Errorf("%s is told of partition %d, which is %q's", f.name, partition, owner)
	}
	n, err := strconv.Atoi(string(value))
	if err != nil || n <= f.rows[key] {
		f.t.Errorf("row %s becomes %q after %d", key, value, f.rows[key])
	}
	f.rows[key] = n
	f.told[fmt.Sprint(key, "=", n)]++
}

func (f apprentice) Revoked(partition int32) {
	time.Sleep(50 * time.Millisecond) // the end of what is under way
	f.mu.Lock()
	defer f.mu.Unlock()
	if owner := f.owners[partition]; owner != f.name {
		f.t.Errorf("%s lets go of partition %d, which is %q's", f.name, partition, owner)
	}
	delete(f.owners, partition)
}

func TestFollower_EveryCommittedRow_IsReportedOnceAndInOrder(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		l := newLedger(t)
		w.process(w.dial("a"), ProcessorConfig{Graph: w.counting(), Follower: apprentice{l, "a"}})
		w.await("all partitions are assigned", func() bool { return l.partitions("a") == 4 })
		w.send(3000)
		w.await("every row was reported", func() bool { return l.total() == 3000 })
		for row, n := range l.told {
			if n != 1 {
				t.Errorf("%s was reported %d times", row, n)
			}
		}
	})
}

func TestFollower_ATransactionIsAborted_IsToldNothingOfIt(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	l := newLedger(t)
	var calls atomic.Int64
	graph := w.countingBut(func(goka.Context) {
		if n := calls.Add(1); n == 700 || n == 1500 {
			panic("after the row and the emits")
		}
	})
	w.process(w.dial("a"), ProcessorConfig{Graph: graph, Follower: apprentice{l, "a"}})
	w.send(3000)
	w.await("every row was reported", func() bool { return l.total() == 3000 })
	if calls.Load() <= 3000 {
		t.Error("no record was processed again: nothing was aborted")
	}
	for row, n := range l.told { // what was aborted would have been told before it was written again
		if n != 1 {
			t.Errorf("%s was reported %d times", row, n)
		}
	}
}

func TestFollower_MembersJoiningAndLeaving_RevokedBeforeAssignedElsewhere(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		l := newLedger(t)
		a, b := w.dial("a"), w.dial("b")
		w.process(a, ProcessorConfig{Graph: w.counting(), Follower: apprentice{l, "a"}, CatchUp: []string{w.in}})
		var load sync.WaitGroup
		load.Go(func() { w.trickle(2000, time.Millisecond) })
		for range 2 {
			_, p := w.process(b, ProcessorConfig{Graph: w.counting(), Follower: apprentice{l, "b"}, CatchUp: []string{w.in}})
			w.await("they share the partitions", func() bool { return l.partitions("a") == 2 && l.partitions("b") == 2 })
			p.stop()
			if n := l.partitions("b"); n != 0 {
				t.Errorf("%d partitions were not revoked", n)
			}
		}
		load.Wait()
		w.await("one has them all", func() bool { return l.partitions("a") == 4 })
		w.await("every record is counted", func() bool { return l.total() == 2000 })
	})
}

func TestFollower_BacklogOfCatchUpTopics_IsCommittedBeforeAssigned(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		w.send(1000)
		w.endWithAborted(w.in)
		for range 2 { // the second time all is committed already
			l := newLedger(t)
			_, p := w.process(w.dial("a"), ProcessorConfig{
				Graph: w.counting(), Follower: apprentice{l, "a"}, CatchUp: []string{w.in},
			})
			w.await("all partitions are assigned", func() bool { return l.partitions("a") == 4 })
			found := 0
			for _, rows := range l.first {
				for _, n := range rows {
					found += n
				}
			}
			if want := int(w.sent.Load()); found != want {
				t.Errorf("the rows at the assignment count %d records, want %d", found, want)
			}
			p.stop()
		}
	})
}

// endWithAborted ends every partition with a committed and an aborted transaction.
func (w *world) endWithAborted(topic string) {
	w.t.Helper()
	if err := w.producer().Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	cl, err := w.admin.newClient("aborting", append(w.admin.producing(), kgo.TransactionalID(w.group+"-aborting"))...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	for _, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := cl.BeginTransaction(); err != nil {
			w.t.Fatal(err)
		}
		for i := range 40 {
			r := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", i), Value: []byte("1")}
			if err := cl.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
				w.t.Fatal(err)
			}
			if end == kgo.TryCommit {
				w.sent.Add(1)
			}
		}
		if err := cl.EndTransaction(w.t.Context(), end); err != nil {
			w.t.Fatal(err)
		}
	}
}
