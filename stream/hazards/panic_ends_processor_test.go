package hazards

// What is held here:
//   - a panic in a callback ends nothing for good: what waits is processed by itself.

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
)

func TestProcessor_ACallbackPanicsOnce_GoesOn(t *testing.T) {
	compare(t, "a callback's panic ends the processor for good", func(w *world) finding {
		w.topics(1)
		var calls atomic.Int64
		p := w.instance("a").process(w.counting(func(goka.Context) {
			if calls.Add(1) == 1 {
				panic("once")
			}
		}))
		w.send("k", "1")
		w.await("it has ended or processed the record", func() bool { return p.over() || len(w.read(w.table)) > 0 })
		if p.over() {
			return finding{true, "Run returns after the panic"}
		}
		return finding{false, fmt.Sprintf("processed after %d restart(s)", p.restarts())}
	})
}
