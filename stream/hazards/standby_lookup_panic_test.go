package hazards

// What is held here:
//   - brokers that go away while partitions are assigned cost a new beginning, not the process.

import (
	"fmt"
	"sync"
	"testing"

	"github.com/lovoo/goka"
)

func TestProcessor_BrokersGoWhileItSetsUpAStandby_BeginsAnew(t *testing.T) {
	slow(t)
	compareApart(t, "brokers that go while a standby is set up end the process", panics, func(w *world) finding {
		w.topics(2)
		i := w.instance("a")
		i.standby = true
		cut := sync.OnceFunc(i.net.cut)
		p, err := w.system.process(i, w.counting(func(goka.Context) {}), func(int) { cut() })
		if err != nil {
			w.Fatal(err)
		}
		w.await("it has noticed", func() bool { return p.over() || p.restarts() > 0 })
		i.net.mend()
		w.send("k", "1")
		w.await("the record is processed, or it has ended", func() bool { return p.over() || len(w.read(w.table)) > 0 })
		return finding{p.over(), fmt.Sprintf("processed after %d restart(s)", p.restarts())}
	})
}
