package stream

import (
	"errors"
	"maps"
	"testing"
	"time"
)

// testOverlay is an overlay over a store with a row a=1, in a life without Kafka.
func testOverlay(t *testing.T) *overlay {
	t.Helper()
	y := newCycle("table", 0, []*lane{{}})
	o := newOverlay(testStore(t), y)
	if err := o.store.write([]row{{"a", []byte("1")}}, 4); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *overlay) check(t *testing.T, open, committed map[string]string) {
	t.Helper()
	for _, key := range []string{"a", "b"} {
		value, err := o.Get(key)
		has, e := o.Has(key)
		if string(value) != open[key] || has != (value != nil) || err != nil || e != nil {
			t.Errorf("%s reads %q, want %q (%v, %v)", key, value, open[key], err, e)
		}
	}
	have := map[string]string{}
	for key, value := range o.committed() {
		have[key] = string(value)
	}
	if !maps.Equal(have, committed) {
		t.Errorf("committed are %v, want %v", have, committed)
	}
}

func TestOverlay_WhatACycleWrites_IsReadButNotWrittenDownBeforeTheCommit(t *testing.T) {
	o := testOverlay(t)
	for _, err := range []error{
		o.Set("b", []byte("1")), o.Set("a", []byte("2")), o.Set("b", []byte("2")), o.Delete("a"), o.SetOffset(9), o.SetOffset(8),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	o.check(t, map[string]string{"b": "2"}, map[string]string{"a": "1"})
	if offset, _ := o.GetOffset(-3); offset != 4 {
		t.Errorf("offset %d", offset)
	}
	rows, err := o.flush()
	if err != nil || len(rows) != 2 || rows[0].key != "b" || string(rows[0].value) != "2" || rows[1].key != "a" || rows[1].value != nil {
		t.Errorf("flushed %v (%v)", rows, err)
	}
	o.check(t, map[string]string{"b": "2"}, map[string]string{"b": "2"})
	if offset, _ := o.GetOffset(-3); offset != 9 {
		t.Errorf("offset %d", offset)
	}
	if rows, err := o.flush(); len(rows) != 0 || err != nil {
		t.Errorf("flushed %v again (%v)", rows, err)
	}
}

func TestOverlay_ClosedBeforeTheCommit_DropsWhatTheCycleWrote(t *testing.T) {
	dir := t.TempDir()
	fail := func(err error) { t.Error(err) }
	y := newCycle("table", 0, []*lane{{}})
	for range 2 {
		s, err := newStore(dir, "test", "", fail)
		if err != nil {
			t.Fatal(err)
		}
		all := &overlays{of: map[int32]*overlay{}}
		o := newOverlay(s, y)
		all.add(0, o)
		o.check(t, nil, map[string]string{})
		if err := errors.Join(o.Set("a", []byte("1")), o.Close()); err != nil {
			t.Fatal(err)
		}
		all.drop()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCycle_LocalWriteWithoutItsEmit_DoesNotEnd(t *testing.T) {
	o := testOverlay(t)
	never := func(*lane, bool, time.Time) error { t.Error("the cycle ended"); return nil }
	if err := o.Set("b", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if o.cycle.end(never) {
		t.Error("the cycle ended")
	}
	if settled, begun := o.cycle.settled(); settled || !begun {
		t.Errorf("settled %v, begun %v", settled, begun)
	}
}

func TestCycle_WhileOneEnds_WritesWaitForTheNext(t *testing.T) {
	o := testOverlay(t)
	written := make(chan error, 1)
	if !o.cycle.end(func(*lane, bool, time.Time) error {
		go func() { written <- o.Set("b", []byte("1")) }()
		select {
		case <-written:
			t.Error("a write fell into the end")
		case <-time.After(20 * time.Millisecond):
		}
		return nil
	}) {
		t.Error("the cycle did not end")
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestCycle_AfterAFailure_NothingIsCommittedAnyMore(t *testing.T) {
	o := testOverlay(t)
	lost := errors.New("lost")
	o.cycle.fail(lost)
	if o.cycle.end(func(*lane, bool, time.Time) error { return nil }) {
		t.Error("the cycle ended")
	}
	if err := o.Set("b", nil); !errors.Is(err, lost) {
		t.Errorf("err = %v", err)
	}
}
