package topics

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Rules:
//   - a dead letter is the record that could not be read or handled, as it was: key, value, headers; where it stood and
//     why it failed are headers beside its own;
//   - its id says where the record first stood, so a record has one letter, however often it is put aside; a retried
//     record that fails again keeps the id, and its attempts are counted;
//   - a code is never in it. What had to be redacted or cut is named: such a record is not given back;
//   - that a letter was retried is a record of its own on dead_letters: same key, same id, no value.

// DeadLettersKept is how long a dead letter can be looked at and retried.
const DeadLettersKept = 14 * day

// What of a record goes to dead_letters at most, in bytes.
const (
	maxDeadKey     = 1 << 10
	maxDeadValue   = 512 << 10
	maxDeadHeaders = 64 << 10
	maxDeadStack   = 16 << 10
)

// The headers that dead_letters, and a retried record, have beside a record's own.
const (
	letterPrefix     = "dead_letter_"
	letterID         = letterPrefix + "id"
	letterTopic      = letterPrefix + "topic"
	letterPartition  = letterPrefix + "partition"
	letterOffset     = letterPrefix + "offset"
	letterGroup      = letterPrefix + "group"
	letterRecordedAt = letterPrefix + "recorded_at"
	letterAttempts   = letterPrefix + "attempts"
	letterAt         = letterPrefix + "at"
	letterReason     = letterPrefix + "reason"
	letterStack      = letterPrefix + "stack"
	letterAltered    = letterPrefix + "altered"
	letterRetriedAt  = letterPrefix + "retried_at"
	letterRetriedBy  = letterPrefix + "retried_by"
)

// DeadLetter is a record that could not be read or handled, and what became of it.
type DeadLetter struct {
	ID       string    `json:"id"`       // grows with the time at which the record first stood on its topic
	Attempts int       `json:"attempts"` // that failed, from 1
	At       time.Time `json:"at"`       // of the last one
	Reason   string    `json:"reason"`   // never holds a part of the value
	Stack    string    `json:"stack,omitempty"`
	Altered  string    `json:"altered,omitempty"` // what is not as it was; empty: nothing

	// Where the record stood, and the group that could not handle it.
	Topic      string    `json:"topic"`
	Partition  int32     `json:"partition"`
	Offset     int64     `json:"offset"`
	Group      string    `json:"group"`
	RecordedAt time.Time `json:"recorded_at"` // the first time, by the broker's clock

	Key     string            `json:"key"`
	Value   []byte            `json:"value"` // nil: it had none
	Headers map[string][]byte `json:"headers,omitempty"`

	RetriedAt time.Time `json:"retried_at,omitzero"` // since it failed last
	RetriedBy string    `json:"retried_by,omitempty"`
}

// PutAside returns what d, with origin, key, value, headers and time set, is on
// dead_letters for this reason: with its id, and without what must not stand there.
func (d DeadLetter) PutAside(reason error) DeadLetter {
	d.ID, d.Attempts = idOf(d.Topic, d.Partition, d.Offset, d.Group, d.RecordedAt), 1
	if retry, ok := RetryOf(d.Headers, d.Group); ok {
		d.ID, d.Attempts, d.RecordedAt = retry.ID, retry.Attempts+1, retry.RecordedAt
	}
	d.Reason = reason.Error()
	if p := (*Panic)(nil); errors.As(reason, &p) {
		d.Stack = string(p.stack[:min(len(p.stack), maxDeadStack)])
	}
	d.alter()
	return d
}

func idOf(topic string, partition int32, offset int64, group string, recordedAt time.Time) string {
	place := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d/%s", topic, partition, offset, group))
	return fmt.Sprintf("%08x-%x", max(0, recordedAt.Unix()), place[:6])
}

// code finds a code in a value that need not be JSON.
var code = regexp.MustCompile(`("code"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]"]+)`)

// alter redacts and cuts, and names what it did.
func (d *DeadLetter) alter() {
	var altered []string
	if len(d.Key) > maxDeadKey {
		d.Key, altered = d.Key[:maxDeadKey], append(altered, "key cut")
	}
	whole := len(d.Value)
	d.Value = d.Value[:min(whole, maxDeadValue)]
	if redacted := code.ReplaceAll(d.Value, []byte(`${1}"redacted"`)); string(redacted) != string(d.Value) {
		d.Value, altered = redacted, append(altered, "code redacted")
	}
	if max(whole, len(d.Value)) > maxDeadValue {
		d.Value, altered = d.Value[:min(len(d.Value), maxDeadValue)], append(altered, "value cut")
	}
	size := 0
	own := map[string][]byte{}
	for name, value := range d.Headers {
		if !strings.HasPrefix(name, letterPrefix) {
			own[name] = value
			size += len(name) + len(value)
		}
	}
	if d.Headers = own; size > maxDeadHeaders {
		d.Headers, altered = nil, append(altered, "headers dropped")
	}
	d.Altered = strings.Join(altered, ", ")
}

// Record returns key, value and headers as they stand on dead_letters.
func (d DeadLetter) Record() (key string, value []byte, headers map[string][]byte) {
	h := d.retryHeaders()
	h[letterTopic] = []byte(d.Topic)
	h[letterPartition] = strconv.AppendInt(nil, int64(d.Partition), 10)
	h[letterOffset] = strconv.AppendInt(nil, d.Offset, 10)
	h[letterAt] = timeText(d.At)
	h[letterReason] = []byte(d.Reason)
	if d.Stack != "" {
		h[letterStack] = []byte(d.Stack)
	}
	if d.Altered != "" {
		h[letterAltered] = []byte(d.Altered)
	}
	return d.Key, d.Value, h
}

// Retry is what a retried record says of its letter.
type Retry struct {
	ID         string
	Attempts   int       // that failed before
	RecordedAt time.Time // when the record first stood on its topic
}

// retryHeaders returns the record's own headers with those of a retry.
func (d DeadLetter) retryHeaders() map[string][]byte {
	h := map[string][]byte{
		letterID:         []byte(d.ID),
		letterGroup:      []byte(d.Group),
		letterAttempts:   strconv.AppendInt(nil, int64(d.Attempts), 10),
		letterRecordedAt: timeText(d.RecordedAt),
	}
	maps.Copy(h, d.Headers)
	return h
}

// RetryOf reads a retry from a record's headers; false if it is none, or
// another group's.
func RetryOf(headers map[string][]byte, group string) (Retry, bool) {
	attempts, err := strconv.Atoi(string(headers[letterAttempts]))
	at, e := time.Parse(time.RFC3339Nano, string(headers[letterRecordedAt]))
	id := string(headers[letterID])
	return Retry{id, attempts, at}, errors.Join(err, e) == nil && id != "" && string(headers[letterGroup]) == group
}

// Original returns the record as it is written to d.Topic once more, if nothing
// of it was altered.
func (d DeadLetter) Original() (key string, value []byte, headers map[string][]byte) {
	return d.Key, d.Value, d.retryHeaders()
}

// Retried returns the record that says on dead_letters that d was retried. by
// tells two retries apart.
func (d DeadLetter) Retried(at time.Time, by string) (key string, headers map[string][]byte) {
	return d.Key, map[string][]byte{
		letterID:        []byte(d.ID),
		letterAttempts:  strconv.AppendInt(nil, int64(d.Attempts), 10),
		letterRetriedAt: timeText(at),
		letterRetriedBy: []byte(by),
	}
}

// DeadLetterID returns the letter that a record of dead_letters is about, empty
// if its headers name none.
func DeadLetterID(headers map[string][]byte) string { return string(headers[letterID]) }

// Apply returns the letter as it is after another record of dead_letters that
// is about it; the zero letter is one of which nothing was read. A record that
// came before, or that cannot be read, changes nothing.
func (d DeadLetter) Apply(key string, value []byte, headers map[string][]byte) DeadLetter {
	attempts, err := strconv.Atoi(string(headers[letterAttempts]))
	if err != nil {
		return d
	}
	if text, retried := headers[letterRetriedAt]; retried {
		if at, err := time.Parse(time.RFC3339Nano, string(text)); err == nil && d.ID != "" && attempts >= d.Attempts {
			d.RetriedAt, d.RetriedBy = at, string(headers[letterRetriedBy])
		}
		return d
	}
	partition, err1 := strconv.ParseInt(string(headers[letterPartition]), 10, 32)
	offset, err2 := strconv.ParseInt(string(headers[letterOffset]), 10, 64)
	at, err3 := time.Parse(time.RFC3339Nano, string(headers[letterAt]))
	recordedAt, err4 := time.Parse(time.RFC3339Nano, string(headers[letterRecordedAt]))
	if attempts <= d.Attempts || cmp.Or(err1, err2, err3, err4) != nil {
		return d
	}
	own := maps.Clone(headers)
	maps.DeleteFunc(own, func(name string, _ []byte) bool { return strings.HasPrefix(name, letterPrefix) })
	return DeadLetter{
		ID: DeadLetterID(headers), Attempts: attempts, At: at, Reason: string(headers[letterReason]), Stack: string(headers[letterStack]),
		Altered: string(headers[letterAltered]), Topic: string(headers[letterTopic]), Partition: int32(partition), Offset: offset,
		Group: string(headers[letterGroup]), RecordedAt: recordedAt, Key: key, Value: value, Headers: own,
	}
}

func timeText(t time.Time) []byte { return t.UTC().AppendFormat(nil, time.RFC3339Nano) }
