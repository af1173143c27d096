package hazards

// What is held here:
//   - a record without a value reaches the callback like any other.

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestProcessor_RecordsWithoutAValue_ReachTheCallback(t *testing.T) {
	compare(t, "a record without a value is dropped silently", func(w *world) finding {
		w.topics(1)
		var calls atomic.Int64
		w.instance("a").process(w.counting(func(goka.Context) { calls.Add(1) }))
		w.write(w.cl, &kgo.Record{Topic: w.in, Key: []byte("k")})
		w.send("k", "1")
		w.await("both are committed", func() bool { return w.committed() >= 2 })
		n := calls.Load()
		return finding{n != 2, fmt.Sprintf("%d of 2 records reach the callback", n)}
	})
}
