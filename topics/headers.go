package topics

import "time"

// Source names in ce_source.
const (
	SourceAPI          = "/countersign/api"
	SourceUsers        = "/countersign/user-service"
	SourceNotification = "/countersign/notification-service"
)

// TraceParent is the header with the trace of the request that caused a record
// (W3C Trace Context §3.2). One of another length is not passed on.
const (
	TraceParent     = "traceparent"
	traceParentSize = 55 // bytes, in version 00
)

// Headers makes a record's CloudEvents headers (binary mode) and passes its
// cause's trace on, if there is one.
func Headers(id, kind, source string, at time.Time, traceParent []byte) map[string][]byte {
	h := map[string][]byte{
		"ce_specversion": []byte("1.0"),
		"ce_id":          []byte(id),
		"ce_type":        []byte(kind),
		"ce_source":      []byte(source),
		"ce_time":        []byte(at.UTC().Format(time.RFC3339Nano)),
		"content-type":   []byte("application/json"),
	}
	if len(traceParent) == traceParentSize {
		h[TraceParent] = traceParent
	}
	return h
}
