package hazards

// What is held here:
//   - a view that stops is read by nobody who would meet a half of it.

import (
	"fmt"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/lovoo/goka"
)

func TestView_ReadWhileItStops_AnswersOrRefuses(t *testing.T) {
	slow(t)
	if info, ok := debug.ReadBuildInfo(); !ok || !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("only the race detector sees it each time")
	}
	compareApart(t, "a view that stops races with its readers", races, func(w *world) finding {
		w.topics(4)
		const stops = 3
		for range stops {
			v := w.instance("a").view(w.table, goka.DefaultUpdate)
			w.await("the view is ready", v.ready)
			stop := again(2, func() { _, _ = v.get("k") })
			v.stop()
			stop()
		}
		return finding{false, fmt.Sprintf("%d stops under readers", stops)}
	})
}
