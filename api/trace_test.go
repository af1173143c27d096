package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTrace_OfTheRequest_GoesOn(t *testing.T) {
	const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if got := traceOf(given); got != given {
		t.Errorf("trace is %q, want the request's", got)
	}
}

func TestTrace_MissingOrMalformed_BeginsAnew(t *testing.T) {
	seen := map[string]bool{}
	for _, given := range []string{
		"", "x", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
	} {
		got := traceOf(given)
		if !traceParent.MatchString(got) || got == given || seen[got] {
			t.Errorf("%q goes on as %q", given, got)
		}
		seen[got] = true
	}
}

func traceOf(header string) (trace string) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Traceparent"] = []string{header}
	traced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { trace = TraceParent(r.Context()) })).ServeHTTP(nil, r)
	return trace
}
