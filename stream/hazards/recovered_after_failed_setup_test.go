package hazards

// What is held here:
//   - a processor whose tables could not be opened is never said to be ready.

import (
	"os"
	"testing"

	"github.com/lovoo/goka"
)

func TestProcessor_ItsStoreCannotBeOpened_IsNotReady(t *testing.T) {
	compare(t, "a processor whose setup failed is said to be ready", func(w *world) finding {
		w.topics(1)
		i := w.instance("a")
		if err := os.WriteFile(i.dir, nil, 0o600); err != nil { // where the directory belongs
			w.Fatal(err)
		}
		p := i.process(w.counting(func(goka.Context) {}))
		seen := "never ready"
		w.await("its setup has failed", func() bool {
			if p.readied() {
				seen = "ready"
			}
			return p.over() || p.restarts() > 2
		})
		return finding{seen == "ready", seen}
	})
}
