package topics

import (
	"regexp"
	"strconv"
	"time"
)

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

// What of a record goes to dead_letters at most, in bytes.
const (
	maxDeadKey   = 1 << 10
	maxDeadValue = 512 << 10
)

// code finds a code in a value that need not be JSON.
var code = regexp.MustCompile(`("code"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]"]+)`)

// DeadLetter is what dead_letters holds of a record that could not be read or
// handled: its key, cut at 1 KiB, its value as it was but for a code, cut at
// 512 KiB, and its origin in headers.
type DeadLetter struct {
	Key       string
	Topic     string
	Partition int32
	Offset    int64
	Group     string // of the processor that could not
	Reason    error  // never holds a part of the value
	Stack     []byte // of a panic
	Value     []byte
}

// Record returns key, value and headers.
func (d DeadLetter) Record() (key string, value []byte, headers map[string][]byte) {
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
	value = code.ReplaceAll(d.Value[:min(len(d.Value), maxDeadValue)], []byte(`${1}"redacted"`))
	return d.Key[:min(len(d.Key), maxDeadKey)], value[:min(len(value), maxDeadValue)], h
}
