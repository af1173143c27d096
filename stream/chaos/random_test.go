package chaos

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"countersign/stream"
)

func TestRandom_TwoFaultsAtATime_StaysExact(t *testing.T) {
	w := newWorld(t, "two at a time: an instance killed, one paused, one cut off or hung at the commit, a broker killed", stream.ExactlyOnce)
	w.needs(3)
	way, via := w.behind()
	a, b := w.start("a"), w.start("b")
	w.start("c", via...)
	faults := []func() (mend func()){
		func() func() {
			w.kill(a)
			return a.start
		},
		func() func() {
			b.signal(syscall.SIGSTOP)
			return func() { b.signal(syscall.SIGCONT) }
		},
		func() func() {
			way.hold(requests, answers)
			return way.release
		},
		func() func() {
			way.hang(endTxn, direction(rand.IntN(2)))
			return way.release
		},
		func() func() {
			w.kafka.kill(1 + rand.Int32N(3))
			return w.kafka.restart
		},
	}
	for range w.scaled(10, 1) {
		w.progress(rate)
		var mends []func()
		for _, n := range rand.Perm(len(faults))[:2] {
			w.fault()
			mends = append(mends, faults[n]())
		}
		w.idle(10 * time.Second)
		for _, mend := range mends {
			mend()
		}
	}
	w.progress(rate)
	w.finish()
}
