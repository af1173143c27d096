package chaos

import (
	"testing"

	"countersign/stream"
)

func TestBroker_KilledAndRestarted_StaysExact(t *testing.T) {
	for _, c := range []struct {
		title string
		which func(w *world) int32
	}{
		{"kill -9 of a broker: a leader of the table", func(w *world) int32 { return w.kafka.leader(w.topics.Table, 0) }},
		{"kill -9 of a broker: the group's coordinator", func(w *world) int32 { return w.kafka.leader(w.kafka.groupLog(w.group)) }},
		{"kill -9 of a broker: a transaction's coordinator", func(w *world) int32 { return w.kafka.leader(w.kafka.transactionLog(w.group + "-a-0")) }},
	} {
		t.Run(c.title, func(t *testing.T) {
			w := newWorld(t, c.title, stream.ExactlyOnce)
			w.kafka.needsThree()
			w.start("a")
			w.start("b")
			for range w.scaled(3, 1) {
				w.progress(rate)
				w.fault()
				w.kafka.kill(c.which(w))
				w.progress(rate)
				w.kafka.restart()
			}
			w.finish()
		})
	}
}

func TestBroker_AllKilledAndRestarted_StaysExact(t *testing.T) {
	w := newWorld(t, "kill -9 of every broker at once", stream.ExactlyOnce)
	w.start("a")
	w.start("b")
	for range w.scaled(2, 1) {
		w.progress(rate)
		w.fault()
		w.kafka.kill()
		w.kafka.restart()
		w.progress(rate)
	}
	w.finish()
}

func TestBroker_CoordinatorMoved_StaysExact(t *testing.T) {
	for _, c := range []struct {
		title string
		which func(w *world) (topic string, partition int32)
	}{
		{"coordinator of the group moved", func(w *world) (string, int32) { return w.kafka.groupLog(w.group) }},
		{"coordinator of a transaction moved", func(w *world) (string, int32) { return w.kafka.transactionLog(w.group + "-a-0") }},
		{"leader of the table moved", func(w *world) (string, int32) { return w.topics.Table, 0 }},
	} {
		t.Run(c.title, func(t *testing.T) {
			w := newWorld(t, c.title, stream.ExactlyOnce)
			w.kafka.needsThree()
			w.start("a")
			w.start("b")
			for range w.scaled(5, 1) {
				w.progress(rate / 2)
				w.fault()
				w.kafka.move(c.which(w))
			}
			w.progress(rate)
			w.finish()
		})
	}
}
