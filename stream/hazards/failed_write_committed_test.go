package hazards

// What is held here:
//   - a record whose row could not be written is processed again, also when that failed while the processor stopped.

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
)

func TestOffsets_AWriteFailsWhileStopping_AreNotCommittedPastIt(t *testing.T) {
	compare(t, "a record whose row could not be written while stopping is committed", func(w *world) finding {
		w.topics(1)
		held := make(chan context.Context, 1)
		release := make(chan struct{})
		refuses := &refusing{}
		refuses.now.Store(true)
		graph := goka.DefineGroup(goka.Group(w.group),
			w.system.input(w.in, new(codec.String), func(ctx goka.Context, _ any) {
				select {
				case held <- ctx.Context():
					<-release
				default:
				}
				ctx.SetValue("row")
			}),
			goka.Persist(refuses))
		w.send("first", "1")
		p := w.instance("a").process(graph)
		session := <-held
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			p.stop()
		}()
		<-session.Done()
		close(release)
		<-stopped
		committed := w.committed()

		refuses.now.Store(false)
		held <- nil
		w.instance("a").process(graph)
		w.send("next", "1")
		w.await("the next record is processed", func() bool { return len(w.values(w.table)["next"]) > 0 })
		rows := len(w.values(w.table)["first"])
		return finding{rows == 0, fmt.Sprintf("committed %d of 1, %d rows", committed, rows)}
	})
}

// refusing is a codec that encodes nothing for a while.
type refusing struct {
	codec.String
	now atomic.Bool
}

// Encode is part of goka.Codec.
func (c *refusing) Encode(value any) ([]byte, error) {
	if c.now.Load() {
		return nil, errors.New("cannot be encoded")
	}
	return c.String.Encode(value)
}
