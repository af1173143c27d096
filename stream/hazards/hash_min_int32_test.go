package hazards

// What is held here:
//   - no key makes a view panic, whatever its hash.

import (
	"fmt"
	"testing"

	"github.com/lovoo/goka"
)

func TestView_HashOfAKeyIsTheLeastInteger_Answers(t *testing.T) {
	compare(t, "a view panics at a key whose hash is the least integer", func(w *world) (found finding) {
		w.topics(12)
		v := w.instance("a").view(w.table, goka.DefaultUpdate)
		w.await("the view is ready", v.ready)
		defer func() {
			if r := recover(); r != nil {
				found = finding{true, fmt.Sprintf("panics: %v", r)}
			}
		}()
		for _, key := range []string{"u01756982182@example.com", "u2876263471@example.com"} { // by FNV-1a, by murmur2
			if _, err := v.get(key); err != nil {
				w.Error(err)
			}
		}
		return finding{false, "answers"}
	})
}
