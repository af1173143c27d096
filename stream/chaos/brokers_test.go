package chaos

import (
	"math/rand/v2"
	"testing"

	"countersign/stream"
)

func TestBroker_KilledAndRestarted_StaysExact(t *testing.T) {
	w := newWorld(t, "kill -9 of a broker of three: the table's leader, the coordinators of group and transaction", stream.ExactlyOnce)
	w.needs(3)
	w.start("a")
	w.start("b")
	w.inTurn(9, func(topic string, partition int32) {
		w.kafka.kill(w.kafka.leader(topic, partition))
		w.progress(rate)
		w.kafka.restart()
	})
	w.finish()
}

func TestBroker_LeadershipMoved_StaysExact(t *testing.T) {
	w := newWorld(t, "leadership moved: of the table, of the coordinators of group and transaction", stream.ExactlyOnce)
	w.needs(3)
	w.start("a")
	w.start("b")
	w.inTurn(9, w.kafka.move)
	w.progress(rate)
	w.finish()
}

func TestBroker_AllKilledAndRestarted_StaysExact(t *testing.T) {
	w := newWorld(t, "kill -9 of all brokers at once", stream.ExactlyOnce)
	if scale(t) < 0.5 {
		w.skip("a short run kills them one by one")
	}
	w.start("a")
	w.start("b")
	for range w.scaled(3, 1) {
		w.progress(rate)
		w.fault()
		w.kafka.kill()
		w.kafka.restart()
	}
	w.progress(rate)
	w.finish()
}

// inTurn does something to the partitions that matter most: of the table, and those whose leaders are the coordinators of
// the group and of a transaction. Any of them is the first.
func (w *world) inTurn(times int, do func(topic string, partition int32)) {
	w.t.Helper()
	first := rand.IntN(3)
	for n := range w.scaled(times, 1) {
		w.progress(rate)
		w.fault()
		switch (first + n) % 3 {
		case 0:
			do(w.topics.Table, 0)
		case 1:
			do(w.kafka.groupLog(w.group))
		default:
			do(w.kafka.transactionLog(w.group + "-a-0"))
		}
	}
}
