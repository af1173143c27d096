package stream

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// owned are the partitions of a status.
func owned(s Status) (partitions []int32) {
	for _, p := range s.Partitions {
		partitions = append(partitions, p.Partition)
	}
	return partitions
}

// waits is how much a status says there is to do.
func waits(s Status) (records int64) {
	for _, p := range s.Partitions {
		records += p.LagProcessed + p.LagCommitted + p.Restored.End - p.Restored.Offset
	}
	return records
}

func TestStatus_OfMembersThatComeAndGo_TellsWhatEachOwnsAndTheGap(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	ca, cb := w.dial("a"), w.dial("b")
	ca.cfg.SessionTimeout, cb.cfg.SessionTimeout = patience, patience // on a slow machine no more rebalances than these
	a, _ := w.process(ca, ProcessorConfig{Graph: w.counting()})
	first := a.Status()
	if r := first.Rebalance; r == nil || r.Gap != 0 || !slices.Equal(r.Gained, []int32{0, 1, 2, 3}) || len(r.Lost) != 0 {
		t.Errorf("the first session is %+v", r)
	}
	if first.Standby != (Standby{}) {
		t.Errorf("alone, and a copy of another's: %+v", first.Standby)
	}
	if !slices.Equal(owned(first), []int32{0, 1, 2, 3}) || !first.Health.Ready {
		t.Errorf("alone: %+v", first)
	}
	b, leaving := w.process(cb, ProcessorConfig{Graph: w.counting()})
	w.await("both process", func() bool { return a.Health().Ready && b.Health().Ready && len(owned(a.Status())) == 2 })
	sa, sb := a.Status(), b.Status()
	if all := slices.Sorted(slices.Values(append(owned(sa), owned(sb)...))); !slices.Equal(all, []int32{0, 1, 2, 3}) {
		t.Errorf("a has %v, b has %v", owned(sa), owned(sb))
	}
	if sa.Generation != sb.Generation || sa.Generation <= first.Generation {
		t.Errorf("generations: a %d, then %d, b %d", first.Generation, sa.Generation, sb.Generation)
	}
	if r := sa.Rebalance; r.Gap <= 0 || !r.At.After(first.Rebalance.At) || !slices.Equal(r.Lost, owned(sb)) || len(r.Gained) != 0 {
		t.Errorf("b joined, and a tells of %+v", r)
	}
	leaving.stop()
	w.await("a has all", func() bool { return a.Health().Ready && len(owned(a.Status())) == 4 })
	if r := a.Status().Rebalance; r.Gap <= 0 || !slices.Equal(r.Gained, owned(sb)) || len(r.Lost) != 0 {
		t.Errorf("b left, and a tells of %+v", r)
	}
	if s := b.Status(); len(s.Partitions) != 0 || s.Health.Ready {
		t.Errorf("b has stopped and tells of %+v", s)
	}
	for _, p := range []*Processor{a, b} {
		if tx := p.Status().Transactions; tx != (TransactionStatus{}) {
			t.Errorf("nothing was processed, but there were transactions: %+v", tx)
		}
	}
}

func TestStatus_AfterLoadAndAFailure_CountsTransactionsAndTellsOfBoth(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		const secret = "ada@example.com"
		c, registry := w.dial("a"), prometheus.NewRegistry()
		var err error
		if c.metrics, err = newMetrics(registry); err != nil {
			t.Fatal(err)
		}
		failed := false
		p, _ := w.process(c, ProcessorConfig{Graph: w.countingBut(func(ctx goka.Context) {
			if ctx.Key() == secret && !failed {
				failed = true
				panic(secret)
			}
		})})
		v, _ := w.view(c, ViewConfig{})
		w.send(500)
		w.awaitCounted(v)
		w.await("all is committed", func() bool { return waits(p.Status()) == 0 && p.Status().Transactions.Committed > 0 })
		before := p.Status().Transactions
		if before.Last <= 0 || before.P50 <= 0 || before.P99 < before.P50 {
			t.Errorf("transactions: %+v", before)
		}
		begun := time.Now()
		w.produce(&kgo.Record{Topic: w.in, Key: []byte(secret), Value: []byte("1")})
		w.awaitCounted(v)
		w.await("it is committed", func() bool {
			s := p.Status()
			return s.Health.Ready && waits(s) == 0 && s.Transactions.Committed > before.Committed
		})
		s := p.Status()
		if f := s.Failure; f == nil || f.Restarts == 0 || f.At.Before(begun) ||
			!strings.Contains(f.Reason, "status_test.go") || strings.Contains(f.Reason, secret) {
			t.Errorf("failure: %+v", f)
		}
		if s.Transactions.Left <= before.Left || s.Rebalance.Gap <= 0 {
			t.Errorf("after the failure: %+v, %+v", s.Transactions, s.Rebalance)
		}
		for name, want := range map[string]int{
			"transaction_seconds": 1, "rebalance_gap_seconds": 1,
			"restore_remaining_records": 4, "lag_processed_records": 4, "lag_committed_records": 4,
		} {
			w.await(name+" is measured", func() bool { return series(t, registry, name) == want })
		}
	})
}

// series is how many a metric has.
func series(t *testing.T, registry *prometheus.Registry, name string) int {
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "countersign_stream_"+name {
			return len(f.GetMetric())
		}
	}
	return 0
}

func TestStatus_WhatIsProcessedAndWhatIsCommitted_AreToldApart(t *testing.T) {
	tp := topicPartition{"in", 2}
	c := newClaim(tp, 100, nil, func(bool) {})
	s := &session{life: &life{stores: &overlays{}}, claims: map[topicPartition]*claim{tp: c}, generation: 7}
	p := &Processor{group: "g"}
	p.lag = (&Cluster{}).newLag("g", []string{"in"}, func(topicPartition) (int64, bool) { return c.position(), true })
	p.history.begin(s)
	begun := time.Now().Add(-3 * time.Second)
	p.lag.look(begun, map[topicPartition]int64{tp: 0}, map[topicPartition]int64{tp: 110})
	for offset := range int64(6) {
		c.add([]*kgo.Record{{Topic: tp.topic, Partition: tp.partition, Offset: 100 + offset}}, 110)
	}
	c.hand(6, func(int) {})
	for _, offset := range []int64{100, 101, 102, 104} { // 103 is not finished
		c.mark(offset)
	}
	c.commit(101)
	got := p.Status()
	if len(got.Partitions) != 1 || got.Generation != 7 {
		t.Fatalf("status is %+v", got)
	}
	if one := got.Partitions[0]; one.Partition != 2 || one.LagProcessed != 7 || one.LagCommitted != 9 || one.Behind < 3*time.Second {
		t.Errorf("partition is %+v", one)
	}
	p.lag.look(time.Now(), map[topicPartition]int64{tp: 105}, map[topicPartition]int64{tp: 110})
	if one := p.Status().Partitions[0]; one.LagProcessed != 5 || one.LagCommitted != 5 {
		t.Errorf("what has expired waits: %+v", one)
	}
}

func TestStatus_WhileRowsAreRestored_TellsHowFar(t *testing.T) {
	rows, table := testStore(t), topicPartition{"table", 0}
	r := &replica{stores: map[int32]*store{0: rows}, owned: map[int32]bool{}}
	s := &session{life: &life{replica: r}, claims: map[topicPartition]*claim{}}
	in := topicPartition{"in", 0}
	s.claims[in] = newClaim(in, 0, nil, func(bool) {})
	p := &Processor{group: "g", table: "table"}
	p.lag = (&Cluster{}).newLag("g", []string{"in", "table"}, func(topicPartition) (int64, bool) { return 0, false })
	p.history.follow(r)
	p.lag.look(time.Now(), nil, map[topicPartition]int64{table: 1000})
	rows.offset.Store(249)
	if got := p.Status().Standby; got != (Standby{1, 750}) {
		t.Errorf("before the first session: %+v", got)
	}
	p.history.begin(s)
	if got := p.Status().Partitions[0].Restored; got != (Progress{250, 1000}) {
		t.Errorf("while it is restored: %+v", got)
	}
	rows.offset.Store(997)
	r.owned[0] = true
	if got := p.Status(); got.Partitions[0].Restored != (Progress{998, 998}) || got.Standby != (Standby{}) {
		t.Errorf("restored: %+v", got)
	}
}
