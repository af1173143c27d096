package hazards

// What is held here:
//   - an instance that was away for longer than its session writes nothing to a table that is another's by now.

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/lovoo/goka"
)

func TestTable_AnInstanceComesBackAfterItsSession_WritesNothing(t *testing.T) {
	compare(t, "an instance cut off for longer than its session writes over its successor's row", func(w *world) finding {
		if w.fake != nil {
			w.session = leastSession
		}
		w.topics(1)
		zombie := w.instance("zombie")
		held, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		z := zombie.process(w.counting(func(goka.Context) {
			once.Do(func() {
				close(held)
				<-release
			})
		}))
		letGo := sync.OnceFunc(func() { close(release) })
		defer letGo()
		w.send("k", "1")
		<-held
		zombie.net.cut()
		w.instance("successor").process(w.counting(func(goka.Context) {}))
		w.await("the successor has processed the record", func() bool { return len(w.read(w.table)) > 0 })
		before := len(w.read(w.table))
		w.send("k", "2")
		w.await("and the next", func() bool { return len(w.read(w.table)) > before })
		before = len(w.read(w.table))
		zombie.net.mend()
		letGo()
		w.await("the zombie has written or given up", func() bool { return len(w.read(w.table)) > before || z.restarts() > 0 })
		counts := w.values(w.table)["k"]
		highest, last := slices.Max(counts), counts[len(counts)-1]
		return finding{last < highest, fmt.Sprintf("counted to %s, the table says %s", highest, last)}
	})
}
