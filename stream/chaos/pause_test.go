package chaos

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"countersign/stream"
)

func TestPause_UntilAnotherHasTakenOver_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "SIGSTOP until another has taken over, SIGCONT", stream.ExactlyOnce)
	two := []*instance{w.start("a"), w.start("b")}
	for n := range w.scaled(5, 1) {
		w.progress(rate)
		w.idle(time.Second)
		w.fault()
		two[n%2].signal(syscall.SIGSTOP)
		w.awaitMembers(two[(n+1)%2])
		w.progress(rate)
		two[n%2].signal(syscall.SIGCONT)
		w.awaitMembers(two...)
	}
	w.finish()
}

func TestPause_OfTheOnlyInstanceWhileASuccessorBegins_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "SIGSTOP of the only instance, a successor begins, SIGCONT", stream.ExactlyOnce)
	last := w.start("a")
	for n := range w.scaled(4, 1) {
		w.progress(rate)
		w.idle(time.Second)
		w.fault()
		last.signal(syscall.SIGSTOP)
		next := w.start(fmt.Sprintf("a%d", n))
		w.progress(rate)
		last.signal(syscall.SIGCONT)
		w.awaitMembers(last, next)
		last.stop()
		last = next
	}
	w.finish()
}

func TestPause_AtTheCommit_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "SIGSTOP before the end of a transaction leaves, SIGCONT", stream.ExactlyOnce)
	way, via := w.behind()
	a, b := w.start("a", via...), w.start("b")
	for range w.scaled(4, 1) {
		w.progress(rate)
		w.fault()
		w.awaitCaught(way.hang(endTxn, requests))
		a.signal(syscall.SIGSTOP)
		w.awaitMembers(b)
		w.progress(rate)
		way.release() // what was to end the transaction comes now
		a.signal(syscall.SIGCONT)
		w.awaitMembers(a, b)
	}
	w.finish()
}
