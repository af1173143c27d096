package hazards

// What is held here:
//   - what an aborted transaction wrote is never read.

import (
	"fmt"
	"testing"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestView_ATransactionIsAborted_DoesNotShowItsRows(t *testing.T) {
	compare(t, "a view shows the rows of an aborted transaction", func(w *world) finding {
		w.topics(1)
		w.write(w.cl, &kgo.Record{Topic: w.table, Key: []byte("k"), Value: []byte("1")})
		w.transaction(kgo.TryAbort, &kgo.Record{Topic: w.table, Key: []byte("k"), Value: []byte("2")})
		w.write(w.cl, &kgo.Record{Topic: w.table, Key: []byte("other"), Value: []byte("1")})
		v := w.instance("a").view(w.table, goka.DefaultUpdate)
		w.await("the view is ready", v.ready)
		value, err := v.get("k")
		if err != nil {
			w.Fatal(err)
		}
		return finding{value != int64(1), fmt.Sprintf("1 committed, 2 aborted: shows %v", value)}
	})
}
