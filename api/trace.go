package api

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// Rules:
//   - the trace of a request goes on in the records that it causes (W3C Trace Context §3.2);
//   - a request without a trace, or with one that is malformed, begins one that is not sampled.

type traceKey struct{}

// TraceParent returns the trace of the request that a call of Commands.Send
// belongs to, as the header traceparent has it; empty outside of a request.
func TraceParent(ctx context.Context) string {
	trace, _ := ctx.Value(traceKey{}).(string)
	return trace
}

var traceParent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$`)

// traced puts the request's trace into its context.
func traced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace := r.Header.Get("traceparent")
		if ids := traceParent.FindStringSubmatch(trace); ids == nil || strings.Trim(ids[1], "0") == "" || strings.Trim(ids[2], "0") == "" {
			trace = fmt.Sprintf("00-%x-%x-00", random(16), random(8))
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), traceKey{}, trace)))
	})
}
