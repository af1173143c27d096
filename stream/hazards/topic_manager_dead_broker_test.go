package hazards

// What is held here:
//   - one broker that does not answer, and that nothing needs, keeps no processor from starting.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lovoo/goka"
)

func TestProcessor_ABrokerNobodyNeedsIsAway_Starts(t *testing.T) {
	slow(t)
	compare(t, "one dead broker keeps processors from starting", func(w *world) finding {
		w.topics(1)
		dead := w.spareBroker()
		graph := w.counting(func(goka.Context) {})
		const starts = 20
		for n := range starts {
			i := w.instance("a")
			i.net.cutOff(w.brokers[dead])
			p, err := w.system.process(i, graph, nil)
			if err != nil {
				parts := strings.Split(err.Error(), ": ")
				return finding{true, fmt.Sprintf("start %d of %d fails: %s", n+1, starts, parts[len(parts)-1])}
			}
			w.await("it is ready or has ended", func() bool { return p.ready() || p.over() })
			if p.over() {
				return finding{true, fmt.Sprintf("start %d of %d fails", n+1, starts)}
			}
			p.stop()
		}
		return finding{false, fmt.Sprintf("%d starts succeed", starts)}
	}, severalBrokers)
}
