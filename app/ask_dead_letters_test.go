package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestRetryDeadLetters_TriesEveryPage_AndFailsWhereOneWasNotRetried(t *testing.T) {
	const refusal = `{"id":"l2","why":"its address was erased"}`
	for not, want := range map[string]struct{ line, err string }{
		"":      {},
		refusal: {"not retried l2: its address was erased\n", "1 not retried"},
	} {
		s := answering(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("after") == "" {
				fmt.Fprintf(w, `{"retried":["l1"],"not_retried":[%s],"next":"l2"}`, not)
			} else {
				fmt.Fprint(w, `{"retried":["l3"],"not_retried":[]}`)
			}
		})
		var out strings.Builder
		err := RetryDeadLetters(t.Context(), s, DeadLetterFilter{}, &out)
		if out.String() != "retried l1\n"+want.line+"retried l3\n" || (err == nil) != (want.err == "") || err != nil && err.Error() != want.err {
			t.Errorf("%v:\n%s", err, out.String())
		}
	}
}
