package hazards

// What is held here:
//   - a codec that panics ends one life of the processor, not the process.

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
)

func TestProcessor_ACodecPanicsOnce_GoesOn(t *testing.T) {
	compareApart(t, "an input codec's panic ends the process", panics, func(w *world) finding {
		w.topics(1)
		graph := goka.DefineGroup(goka.Group(w.group),
			w.system.input(w.in, &panicking{}, func(ctx goka.Context, _ any) { ctx.SetValue("row") }),
			goka.Persist(new(codec.String)))
		p := w.instance("a").process(graph)
		w.send("k", "1")
		w.await("the record is processed", func() bool { return len(w.read(w.table)) > 0 })
		return finding{false, fmt.Sprintf("processed after %d restart(s)", p.restarts())}
	})
}

// panicking is a codec that panics once.
type panicking struct {
	codec.String
	did atomic.Bool
}

// Decode is part of goka.Codec.
func (c *panicking) Decode(data []byte) (any, error) {
	if !c.did.Swap(true) {
		panic("once")
	}
	return c.String.Decode(data)
}
