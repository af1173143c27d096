package hazards

// What is held here:
//   - a processor that is behind says so.

import (
	"testing"
	"time"

	"github.com/lovoo/goka"
)

func TestProcessor_RecordsWait_SaysThatItIsBehind(t *testing.T) {
	slow(t) // goka looks every few seconds
	compare(t, "a processor that is behind reports no lag", func(w *world) finding {
		w.topics(1)
		const sent = 200
		for range sent {
			w.send("k", "1")
		}
		p := w.instance("a").process(w.counting(func(goka.Context) { time.Sleep(40 * time.Millisecond) }))
		seen := finding{true, "no lag in 8 s of work"}
		w.await("all is processed, or it is said to be behind", func() bool {
			if p.behind() {
				seen = finding{false, "behind"}
			}
			return !seen.hazard || w.committed() == sent
		})
		return seen
	})
}
