package hazards

// What is held here:
//   - a visit that is under way, or begins, while the processor stops takes nothing with it.

import (
	"fmt"
	"testing"

	"github.com/lovoo/goka"
)

func TestVisits_TheProcessorStops_EndWithAnError(t *testing.T) {
	slow(t)
	compareApart(t, "a visit while the processor stops ends the process", panics, func(w *world) finding {
		w.topics(4)
		graph := w.counting(func(goka.Context) {}, w.system.visitor("look", func(goka.Context, any) {}))
		const stops = 6
		for range stops {
			p := w.instance("a").process(graph)
			for k := range 40 {
				w.send(fmt.Sprint("k", k), "1")
			}
			w.await("it is ready", p.ready)
			stop := again(4, func() { _ = p.visit(w.Context(), "look", nil) })
			p.stop()
			stop()
		}
		return finding{false, fmt.Sprintf("%d stops under visits", stops)}
	})
}
