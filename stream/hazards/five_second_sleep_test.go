package hazards

// What is held here:
//   - a member that joins stops the others for less than goka's sleep after every session.

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
)

func TestRebalance_AMemberJoins_ProcessingGoesOnSoon(t *testing.T) {
	slow(t)
	compare(t, "one member that joins stops processing for 5 s and more", func(w *world) finding {
		w.session = 6 * time.Second // goka sleeps longer than the least that the embedded Kafka allows
		w.topics(4)
		var mu sync.Mutex
		last, gap := time.Time{}, time.Duration(0)
		at := func(by string, joined func()) *goka.GroupGraph {
			return w.counting(func(goka.Context) {
				mu.Lock()
				defer mu.Unlock()
				if now := time.Now(); !last.IsZero() {
					gap = max(gap, now.Sub(last))
				}
				last = time.Now()
				joined()
			})
		}
		w.instance("a").process(at("a", func() {}))
		var load sync.WaitGroup
		defer load.Wait()
		over := make(chan struct{})
		defer close(over)
		load.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				case <-time.After(10 * time.Millisecond):
					w.send(fmt.Sprint("k", n%10), "1")
				}
			}
		})
		w.await("records are processed", func() bool { mu.Lock(); defer mu.Unlock(); return !last.IsZero() })
		joined := make(chan struct{})
		join := sync.OnceFunc(func() { close(joined) })
		w.instance("b").process(at("b", join))
		select {
		case <-joined:
		case <-time.After(patience):
			w.Fatal("the second member gets nothing to do")
		}
		mu.Lock()
		defer mu.Unlock()
		return finding{gap >= 5*time.Second, fmt.Sprintf("%v without processing", gap.Round(10*time.Millisecond))}
	})
}
