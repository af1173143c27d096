package hazards

// What is held here:
//   - every key is a key like any other.

import (
	"testing"

	"github.com/lovoo/goka"
)

func TestStore_AKeyIsCalledAsItsOwnEntry_IsARow(t *testing.T) {
	compare(t, "the row of the key __offset is the store's own entry", func(w *world) finding {
		w.topics(1)
		w.instance("a").process(w.counting(func(goka.Context) {}))
		const key = "__offset"
		for n, key := range []string{"a", "b", key, key} {
			w.send(key, "1")
			w.await("it is counted", func() bool { return len(w.read(w.out)) > n })
		}
		count := w.values(w.out)[key][1]
		return finding{count != "2", "two records count " + count}
	})
}
