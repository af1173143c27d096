package chaos

import (
	"math/rand/v2"
	"testing"

	"countersign/stream"
)

func TestCut_UntilAnotherHasTakenOver_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "network cut until another has taken over: both ways, requests only, answers only", stream.ExactlyOnce)
	w.cutting(
		func(way *proxy) { way.hold(requests, answers) },
		func(way *proxy) { way.hold(requests) },
		func(way *proxy) { way.hold(answers) },
	)
}

func TestCut_AtTheCommit_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "network cut at the commit: before its offsets, before its end, before the answer", stream.ExactlyOnce)
	w.cutting(
		func(way *proxy) { w.awaitCaught(way.hang(txnOffsetCommit, requests)) },
		func(way *proxy) { w.awaitCaught(way.hang(endTxn, requests)) },
		func(way *proxy) { w.awaitCaught(way.hang(endTxn, answers)) },
	)
}

// cutting cuts off one of two instances in one way after the other, any of them first, and heals the network when the
// other instance has taken over.
func (w *world) cutting(cuts ...func(way *proxy)) {
	w.t.Helper()
	way, via := w.behind()
	a, b := w.start("a", via...), w.start("b")
	first := rand.IntN(len(cuts))
	for n := range w.scaled(9, 1) {
		w.progress(rate)
		w.fault()
		cuts[(first+n)%len(cuts)](way)
		w.awaitMembers(b)
		w.progress(rate)
		way.release()
		w.awaitMembers(a, b)
	}
	w.finish()
}
