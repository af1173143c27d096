package hazards

// What is held here:
//   - a view that was stopped leaves no goroutine.

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/lovoo/goka"
)

func TestView_BuiltAnewManyTimes_LeavesNoGoroutine(t *testing.T) {
	slow(t)
	compareApart(t, "a view that is built anew leaks goroutines", panics, func(w *world) finding {
		w.topics(1)
		i := w.instance("a")
		rebuild := func() {
			v := i.view(w.table, goka.DefaultUpdate)
			w.await("the view is ready", v.ready)
			v.stop()
		}
		rebuild()
		before := runtime.NumGoroutine()
		const views = 5
		for range views {
			rebuild()
		}
		left, since := 0, time.Now()
		w.await("nothing is left, or nothing goes any more", func() bool {
			if n := runtime.NumGoroutine() - before; n != left {
				left, since = n, time.Now()
			}
			return left <= 0 || time.Since(since) > 5*time.Second
		})
		return finding{left >= views, fmt.Sprintf("%d goroutines a view", left/views)}
	})
}
