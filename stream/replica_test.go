package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// replicated is a life of a counting processor that only follows its table.
func (w *world) replicated(c *Cluster) *life {
	w.t.Helper()
	p, err := c.NewProcessor(ProcessorConfig{Graph: w.counting()})
	if err != nil {
		w.t.Fatal(err)
	}
	l := &life{Processor: p, cycle: newCycle(p.table, 0, nil)}
	ctx, end := context.WithCancelCause(w.t.Context())
	l.end = end
	stop, err := l.replicate(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		stop()
		if err := failure(ctx); err != nil {
			w.t.Error(err)
		}
	})
	return l
}

// sendRows writes n rows of the table, as some owner of it.
func (w *world) sendRows(n int) {
	w.t.Helper()
	for i := range n {
		w.produce(&kgo.Record{Topic: w.group + "-table", Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%d", i)})
	}
	if err := w.producer().Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// checkCopy compares all stores with the table.
func (w *world) checkCopy(r *replica) {
	w.t.Helper()
	want := map[string]string{}
	for _, record := range w.read(w.group+"-table", 1) {
		want[string(record.Key)] = string(record.Value)
	}
	have := map[string]string{}
	for _, partition := range r.all {
		it := r.store(partition).rows(nil, nil)
		for it.Next() {
			value, _ := it.Value()
			have[string(it.Key())] = string(value)
		}
		it.Release()
	}
	if !maps.Equal(have, want) {
		w.t.Errorf("the copy has %d rows, which are not the table's %d", len(have), len(want))
	}
}

// atEnd says whether the stores that are not owned hold the table to its end.
func (w *world) atEnd(r *replica) bool {
	_, ends, err := w.admin.bounds(w.t.Context(), []string{w.group + "-table"})
	if err != nil {
		w.t.Fatal(err)
	}
	return !slices.ContainsFunc(r.all, func(partition int32) bool {
		next, owned := r.progress(partition)
		return !owned && next < ends[topicPartition{w.group + "-table", partition}]
	})
}

func TestReplica_Standby_IsACopyOfWhatOthersOwn(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		w.process(w.dial("a"), ProcessorConfig{Graph: w.counting()})
		p, _ := w.process(w.dial("b"), ProcessorConfig{Graph: w.counting()})
		v, _ := w.view(w.admin, ViewConfig{})
		w.send(3000)
		w.awaitExact(v)
		r := p.now.Load().session.life.replica
		w.await("the copy is at the end of the table", func() bool { return w.atEnd(r) })
		w.checkCopy(r)
		w.await("the status says so", func() bool { return p.Status().Standby == Standby{Partitions: 2} })
	})
}

func TestReplica_RecoveredAhead_HasNothingLeftToRecoverWhenPartitionsAreAssigned(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.sendRows(5000)
	r := w.replicated(w.dial("a")).replica
	if !w.atEnd(r) {
		t.Error("the copy is not at the end of the table")
	}
	w.checkCopy(r)
}

func TestReplica_RecoveringAheadOfAnOpenTransaction_DoesNotWaitForItsEnd(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.sendRows(100)
	open, err := w.admin.newClient("open", append(w.admin.producing(),
		kgo.TransactionalID(w.group+"-open-0"), kgo.TransactionTimeout(10*time.Minute))...)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: w.group + "-table", Key: []byte("k0"), Value: []byte("1000")}
	if err := open.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	w.replicated(w.dial("a"))
	if took := time.Since(begun); took >= aheadPatience {
		t.Errorf("it took %v", took)
	}
	if err := open.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestReplica_NothingComesOfATable_IsNotWaitedForLong(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	r := w.replicated(w.dial("a")).replica
	missing := map[int32]int64{0: 10}
	if err := r.reach(t.Context(), r.all, missing, 10*time.Millisecond); err == nil {
		t.Error("10 records that nobody wrote were found")
	}
}

func TestReplica_OwnedFromOneGenerationToTheNext_AsksKafkaNothing(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.sendRows(100)
	r := w.replicated(w.dial("a")).replica
	mine := map[int32]bool{0: true, 1: true}
	if err := r.own(t.Context(), mine, 7); err != nil {
		t.Fatal(err)
	}
	w.net.set(mute)
	if err := r.own(t.Context(), mine, 8); err != nil {
		t.Error(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.own(soon, mine, 10); !errors.Is(err, context.DeadlineExceeded) { // in 9 it may have been another's
		t.Errorf("after a generation without us: %v", err)
	}
	w.net.set(whole)
	if err := r.own(t.Context(), mine, 11); err != nil {
		t.Error(err)
	}
}

func TestReplica_WhatASessionOwned_IsFollowedFromItsLastCommitOn(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.sendRows(100)
	r := w.replicated(w.dial("a")).replica
	if err := r.own(t.Context(), map[int32]bool{0: true, 1: true, 2: true, 3: true}, 1); err != nil {
		t.Fatal(err)
	}
	before, _ := r.progress(0)
	w.sendRows(200) // which nobody but their owner would
	if next, owned := r.progress(0); !owned || next != before {
		t.Errorf("an owned store went from %d to %d", before, next)
	}
	if err := r.own(t.Context(), nil, 2); err != nil {
		t.Fatal(err)
	}
	w.await("the copy is at the end of the table", func() bool { return w.atEnd(r) })
	w.checkCopy(r)
}

func TestReplica_WithoutStandby_ClosesWhatIsNotOurs(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.standby = false
	w.sendRows(100)
	r := w.replicated(w.dial("a")).replica
	for generation, mine := range []map[int32]bool{{0: true, 1: true}, {1: true, 2: true}, {}, {3: true}} {
		if err := r.own(t.Context(), mine, int32(generation)); err != nil {
			t.Fatal(err)
		}
		open := map[int32]bool{}
		for partition := range r.stores {
			open[partition] = true
		}
		if !maps.Equal(open, mine) {
			t.Errorf("open are %v, want %v", open, mine)
		}
	}
}
