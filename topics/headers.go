package topics

import (
	"strconv"
	"time"
)

// Source names in ce_source.
const (
	SourceAPI          = "/countersign/api"
	SourceUsers        = "/countersign/user-service"
	SourceNotification = "/countersign/notification-service"
)

// The trace context of the request that caused a record (W3C Trace Context).
const TraceParent = "traceparent"

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
	if len(traceParent) > 0 {
		h[TraceParent] = traceParent
	}
	return h
}

// maxDeadValue bounds what of a value goes to dead_letters, in bytes.
const maxDeadValue = 512 << 10

// DeadLetter is what dead_letters holds of a record that could not be read or
// handled: its value as it was, cut at 512 KiB, and its origin in headers.
type DeadLetter struct {
	Topic     string
	Partition int32
	Offset    int64
	Group     string // of the processor that could not
	Reason    error  // never holds a part of the value
	Stack     []byte // of a panic
	Value     []byte
}

// Record returns the value and the headers.
func (d DeadLetter) Record() ([]byte, map[string][]byte) {
	h := map[string][]byte{
		"dead_letter_topic":     []byte(d.Topic),
		"dead_letter_partition": strconv.AppendInt(nil, int64(d.Partition), 10),
		"dead_letter_offset":    strconv.AppendInt(nil, d.Offset, 10),
		"dead_letter_group":     []byte(d.Group),
		"dead_letter_reason":    []byte(d.Reason.Error()),
	}
	if len(d.Stack) > 0 {
		h["dead_letter_stack"] = d.Stack
	}
	return d.Value[:min(len(d.Value), maxDeadValue)], h
}
