package hazards

// What is held here:
//   - a record that cannot be decoded costs itself, not the processor: our codecs return the error as a value.

import (
	"fmt"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"

	"countersign/topics"
)

func TestProcessor_ARecordCannotBeDecoded_PutsItAsideAndGoesOn(t *testing.T) {
	compare(t, "a record that cannot be decoded ends the processor at each start", func(w *world) finding {
		w.topics(1)
		graph := goka.DefineGroup(goka.Group(w.group),
			w.system.input(w.in, w.system.numbers(), func(ctx goka.Context, number any) {
				if m, ok := number.(*topics.Message[int64]); ok && m.Err != nil {
					ctx.Emit(goka.Stream(w.out), ctx.Key(), "put aside")
					return
				}
				ctx.Emit(goka.Stream(w.out), ctx.Key(), "processed")
			}),
			goka.Output(goka.Stream(w.out), new(codec.String)))
		w.send("poison", "x")
		w.send("next", "1")
		starts := 2
		for range starts {
			p := w.instance("a").process(graph)
			w.await("it has ended or processed the next record", func() bool { return p.over() || w.committed() == 2 })
			p.stop()
		}
		results := w.values(w.out)
		if len(results["next"]) == 0 {
			return finding{true, fmt.Sprintf("ends at each of %d starts", starts)}
		}
		return finding{false, fmt.Sprintf("%d put aside, the next is processed", len(results["poison"]))}
	})
}
