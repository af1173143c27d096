package hazards

// What is held here:
//   - no more than a bounded number of records is under way while the table's leader is away.

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestProcessor_TheTablesLeaderIsAway_TakesNoMoreThanABound(t *testing.T) {
	slow(t)
	compare(t, "records are taken without bound while the table's leader is away", func(w *world) finding {
		w.topics(1)
		away := w.spareBroker()
		w.lead(away, w.out, w.table)
		var calls atomic.Int64
		i := w.instance("a")
		p := i.process(w.counting(func(goka.Context) { calls.Add(1) }))
		w.await("it is ready", p.ready)
		i.net.cutOff(w.brokers[away])
		defer i.net.mend()
		const sent, bound = 10_000, 2_048
		records := make([]*kgo.Record, sent)
		for n := range records {
			records[n] = &kgo.Record{Topic: w.in, Key: fmt.Append(nil, n), Value: []byte("1")}
		}
		w.write(w.cl, records...)
		w.await("all are taken, or the processor gives up", func() bool { return calls.Load() == sent || p.restarts() > 0 })
		n := calls.Load()
		return finding{n > bound, fmt.Sprintf("%d of %d records taken", n, sent)}
	}, severalBrokers)
}
