package hazards

// What is held here:
//   - who is told that a partition is its own can read all of the partition's rows.

import (
	"fmt"
	"testing"

	"github.com/lovoo/goka"
)

func TestAssignment_IsToldOf_WhenTheTableIsRecovered(t *testing.T) {
	compare(t, "an assignment is told of before the table is recovered", func(w *world) finding {
		w.topics(1)
		graph := w.counting(func(goka.Context) {})
		p := w.instance("a").process(graph)
		for k := range 10 {
			w.send(fmt.Sprint("k", k), "1")
		}
		w.await("the table has rows", func() bool { return len(w.read(w.table)) == 10 })
		p.stop()
		told := make(chan int, 1)
		if _, err := w.system.process(w.instance("b"), graph, func(rows int) { told <- rows }); err != nil {
			w.Fatal(err)
		}
		rows := <-told
		return finding{rows != 10, fmt.Sprintf("%d of 10 rows can be read", rows)}
	})
}
