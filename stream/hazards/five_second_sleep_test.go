package hazards

// What is held here:
//   - a member that joins stops the others for less than goka's sleep after every session.

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
)

func TestRebalance_AMemberJoins_ProcessingGoesOnSoon(t *testing.T) {
	slow(t)
	compare(t, "one member that joins stops processing for 5 s and more", func(w *world) finding {
		w.topics(4)
		var mu sync.Mutex
		last, gap := time.Time{}, time.Duration(0)
		member := func(processed func()) *goka.GroupGraph {
			return w.counting(func(goka.Context) {
				mu.Lock()
				defer mu.Unlock()
				now := time.Now()
				if !last.IsZero() {
					gap = max(gap, now.Sub(last))
				}
				last = now
				processed()
			})
		}
		w.instance("a").process(member(func() {}))
		n := 0
		defer again(1, func() {
			time.Sleep(10 * time.Millisecond) // under a load of 100 a second
			w.send(fmt.Sprint("k", n%10), "1")
			n++
		})()
		w.await("records are processed", func() bool { mu.Lock(); defer mu.Unlock(); return !last.IsZero() })
		var joined atomic.Bool
		w.instance("b").process(member(func() { joined.Store(true) }))
		w.await("the second member processes, too", joined.Load)
		mu.Lock()
		defer mu.Unlock()
		return finding{gap >= 5*time.Second, fmt.Sprintf("%v without processing", gap.Round(10*time.Millisecond))}
	})
}
