package hazards

// What is held here:
//   - a processor that is behind says so.

import (
	"fmt"
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
		behind := false
		w.await("it is said to be behind, or all is processed", func() bool {
			behind = p.behind()
			return behind || w.committed() == sent
		})
		if behind {
			return finding{false, "behind"}
		}
		return finding{true, fmt.Sprintf("no lag while %d records wait for seconds", sent)}
	})
}
