package hazards

// What is held here:
//   - a topic that ends with a transaction's marker is recovered as any other.

import (
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestView_TopicEndsWithATransaction_IsReady(t *testing.T) {
	compare(t, "recovery of a topic that ends with a transaction hangs", func(w *world) finding {
		w.topics(1)
		w.transaction(kgo.TryCommit, &kgo.Record{Topic: w.table, Key: []byte("k"), Value: []byte("1")})
		v := w.instance("a").view(w.table, goka.DefaultUpdate)
		var stored time.Time
		w.await("the view is ready or stands still with the row in its store", func() bool {
			if value, err := v.get("k"); err == nil && value != nil && stored.IsZero() {
				stored = time.Now()
			}
			return v.ready() || !stored.IsZero() && time.Since(stored) > time.Second
		})
		if v.ready() {
			return finding{false, "ready"}
		}
		w.write(w.cl, &kgo.Record{Topic: w.table, Key: []byte("other"), Value: []byte("1")})
		w.await("the view is ready with the next record", v.ready)
		return finding{true, "not ready before another record comes"}
	})
}
