package chaos

import (
	"testing"

	"countersign/stream"
)

func TestCut_UntilAnotherHasTakenOver_StaysExact(t *testing.T) {
	for _, c := range []struct {
		title string
		ways  []direction
	}{
		{"network cut both ways, healed after another has taken over", []direction{requests, answers}},
		{"network cut one way: requests", []direction{requests}},
		{"network cut one way: answers", []direction{answers}},
	} {
		t.Run(c.title, func(t *testing.T) {
			w := newWorld(t, c.title, stream.ExactlyOnce)
			w.cutting(func(way *proxy) { way.hold(c.ways...) })
		})
	}
}

func TestCut_AtTheCommit_StaysExact(t *testing.T) {
	for _, c := range []struct {
		title string
		kind  int16
		hold  direction
	}{
		{"network cut before the offsets of a transaction", txnOffsetCommit, requests},
		{"network cut before the end of a transaction", endTxn, requests},
		{"network cut before the answer to the end of a transaction", endTxn, answers},
	} {
		t.Run(c.title, func(t *testing.T) {
			w := newWorld(t, c.title, stream.ExactlyOnce)
			w.cutting(func(way *proxy) { w.awaitCaught(way.hang(c.kind, c.hold)) })
		})
	}
}

// cutting cuts off one of two instances, heals the network when the other has taken over, and so on.
func (w *world) cutting(cut func(way *proxy)) {
	w.t.Helper()
	way, via := w.behind()
	a, b := w.start("a", via...), w.start("b")
	for range w.scaled(3, 1) {
		w.progress(rate)
		w.fault()
		cut(way)
		w.awaitMembers(b)
		w.progress(rate)
		way.release()
		w.awaitMembers(a, b)
	}
	w.finish()
}
