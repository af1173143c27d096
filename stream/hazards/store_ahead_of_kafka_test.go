package hazards

// What is held here:
//   - a row that Kafka refused is not in the local store, so the record counts once when it is processed again.

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
)

func TestStore_KafkaRefusesARow_DoesNotKeepIt(t *testing.T) {
	compare(t, "the local store keeps a row that Kafka refused", func(w *world) finding {
		w.topic(w.in, 1, nil)
		w.topic(w.table, 1, map[string]string{"cleanup.policy": "compact", "max.message.bytes": "200"}) // enough for a transaction's marker
		var session atomic.Pointer[context.Context]
		graph := goka.DefineGroup(goka.Group(w.group),
			w.system.input(w.in, new(codec.String), func(ctx goka.Context, _ any) {
				c := ctx.Context()
				session.Store(&c)
				row, _ := ctx.Value().(string)
				ctx.SetValue(row + strings.Repeat("x", 500))
			}),
			goka.Persist(new(codec.String)))
		w.send("k", "1")
		p := w.instance("a").process(graph)
		w.await("the row is refused", func() bool { c := session.Load(); return c != nil && (*c).Err() != nil })
		p.stop()

		w.accept(w.table, 2000)
		w.instance("a").process(graph)
		w.await("the row is written", func() bool { return len(w.values(w.table)["k"]) > 0 })
		times := len(w.values(w.table)["k"][0]) / 500
		return finding{times != 1, fmt.Sprintf("one record counts %d", times)}
	})
}
