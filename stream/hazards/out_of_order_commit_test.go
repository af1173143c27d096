package hazards

// What is held here:
//   - a record whose emit failed is processed again, whatever was acknowledged after it.

import (
	"fmt"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
)

func TestOffsets_EmitOfAnEarlierRecordFails_AreNotCommittedPastIt(t *testing.T) {
	compare(t, "a later record's offset is committed over an earlier one whose emit failed", func(w *world) finding {
		w.topics(1)
		missing := w.group + "-missing"
		graph := goka.DefineGroup(goka.Group(w.group),
			w.system.input(w.in, new(codec.String), func(ctx goka.Context, to any) {
				ctx.Emit(goka.Stream(to.(string)), ctx.Key(), ctx.Key())
			}),
			goka.Output(goka.Stream(w.out), new(codec.String)), goka.Output(goka.Stream(missing), new(codec.String)))
		w.send("1", missing)
		for _, key := range []string{"2", "3", "4"} {
			w.send(key, w.out)
		}
		p := w.instance("a").process(graph)
		w.await("the emit has failed", func() bool { return w.committed() == 4 || p.restarts() > 0 })
		committed := w.committed()
		p.stop()

		w.topic(missing, 1, nil)
		w.instance("a").process(graph)
		w.send("5", w.out)
		w.await("the next record is processed", func() bool { return len(w.values(w.out)["5"]) > 0 })
		times := len(w.read(missing))
		return finding{times != 1, fmt.Sprintf("committed %d of 4, first record emitted %d times", committed, times)}
	})
}
