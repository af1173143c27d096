package chaos

import (
	"math/rand/v2"
	"testing"
	"time"

	"countersign/stream"
)

func TestKill_TheOnlyInstanceAgainAndAgain_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kill -9 of the only instance", stream.ExactlyOnce)
	w.killing(w.start("a"), w.scaled(50, 5))
	w.finish()
}

func TestKill_TwoInstancesInTurn_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kill -9 of two instances in turn", stream.ExactlyOnce)
	w.killingInTurn(w.start("a"), w.start("b"))
}

func TestKill_TwoInstancesInTurnWithoutStandby_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "kill -9 of two instances in turn, without hot standby", stream.ExactlyOnce)
	w.killingInTurn(w.start("a", "--no-standby"), w.start("b", "--no-standby"))
}

func TestKill_AtLeastOnce_DoublesWhichTheAuditSees(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "control: kill -9, at least once", stream.AtLeastOnce)
	a := w.start("a")
	for w.row.faults < w.scaled(5, 1) || w.watch.doubles() == 0 && w.row.faults < 50 {
		w.killing(a, 1)
		w.progress(rate)
	}
	w.settle()
	w.read()
	if v := w.row.verdict; v.lost > 0 || v.doubles == 0 {
		t.Errorf("%v, want doubles and nothing lost", v)
	} else {
		w.row.ok = "doubles, as it must"
	}
}

func (w *world) killingInTurn(two ...*instance) {
	w.t.Helper()
	for n := range w.scaled(20, 4) {
		w.killing(two[n%2], 1)
	}
	w.finish()
}

// killing kills an instance so many times and starts it again: at any moment under load, or while it begins.
func (w *world) killing(i *instance, times int) {
	w.t.Helper()
	for range times {
		if rand.IntN(4) > 0 {
			w.progress(1 + rand.IntN(10*rate)) // more than waits after a kill, or less
		} else {
			w.idle(2 * time.Second)
		}
		w.fault()
		w.kill(i)
		i.start()
	}
}
