package hazards

// What is held here:
//   - an emitter answers while Kafka says nothing.

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

func TestEmitter_KafkaFallsSilent_Answers(t *testing.T) {
	slow(t)
	compare(t, "an emitter blocks while Kafka is silent", func(w *world) finding {
		w.topics(1)
		i := w.instance("a")
		emit := w.system.emitter(i, w.in)
		value := make([]byte, 1<<10)
		w.await("a record is written", func() bool { return emit("k", value) == nil && len(w.read(w.in)) > 0 })
		i.net.silent.Store(true)
		w.Cleanup(i.net.mend)
		const emits = 10_000
		var answers atomic.Int64
		go func() {
			for range emits {
				_ = emit("k", value)
				answers.Add(1)
			}
		}()
		last, at := int64(0), time.Now()
		w.await("all are answered, or none for three seconds", func() bool {
			if n := answers.Load(); n != last {
				last, at = n, time.Now()
			}
			return last == emits || time.Since(at) > 3*time.Second
		})
		return finding{last != emits, fmt.Sprintf("%d of %d calls return", last, emits)}
	})
}
