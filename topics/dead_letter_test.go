package topics

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)

// failed is a record that could not be handled.
func failed() DeadLetter {
	return DeadLetter{
		Topic: UserCommands, Partition: 3, Offset: 42, Group: UserService, RecordedAt: noon, At: noon.Add(time.Second),
		Key: "ada@example.com", Value: []byte("{}"), Headers: map[string][]byte{TraceParent: []byte("trace"), "empty": {}},
	}
}

// read is a letter as a reader of its record has it.
func read(d DeadLetter) DeadLetter { return DeadLetter{}.Apply(d.Record()) }

func TestDeadLetter_IsReadAsItWasWritten(t *testing.T) {
	for _, value := range [][]byte{nil, {}, []byte("no json")} {
		d := failed()
		d.Value = value
		d = d.PutAside(errors.New("no JSON"))
		if got := read(d); !reflect.DeepEqual(got, d) {
			t.Errorf("%+v\nis read as\n%+v", d, got)
		}
	}
	if d := (DeadLetter{}).Apply("k", []byte("v"), map[string][]byte{letterID: []byte("x")}); d.ID != "" {
		t.Errorf("what is no letter is read as %+v", d)
	}
}

func TestDeadLetter_OfOneRecord_HasOneID_ThatGrowsWithTime(t *testing.T) {
	first, later, other, elsewhere := failed(), failed(), failed(), failed()
	later.At = noon.Add(time.Hour)
	other.Offset++
	elsewhere.Group = NotificationService
	id := first.PutAside(errors.New("a")).ID
	if again := later.PutAside(errors.New("b")).ID; again != id {
		t.Errorf("put aside again it has the id %s, not %s", again, id)
	}
	for _, d := range []DeadLetter{other, elsewhere} {
		if d.PutAside(errors.New("a")).ID == id {
			t.Errorf("%+v has the same id", d)
		}
	}
	other.RecordedAt = noon.Add(time.Minute)
	if next := other.PutAside(errors.New("a")).ID; next <= id {
		t.Errorf("%s is not after %s", next, id)
	}
}

func TestDeadLetter_Retried_FailsAgainAsTheSameLetter(t *testing.T) {
	first := failed().PutAside(errors.New("a"))
	key, value, headers := first.Original()
	if key != first.Key || string(value) != "{}" || string(headers[TraceParent]) != "trace" {
		t.Fatalf("original %q %q %v", key, value, headers)
	}
	if _, ok := RetryOf(headers, NotificationService); ok {
		t.Error("it is another group's retry too")
	}
	again := failed()
	again.Offset, again.RecordedAt, again.At, again.Headers = 50, noon.Add(time.Hour), noon.Add(time.Hour), headers
	again = again.PutAside(errors.New("b"))
	if again.ID != first.ID || again.Attempts != 2 || !again.RecordedAt.Equal(noon) || len(again.Headers) != 2 {
		t.Errorf("put aside again: %+v", again)
	}

	at := noon.Add(time.Minute)
	key, headers = first.Retried(at, "by")
	retried := read(first).Apply(key, nil, headers)
	if !retried.RetriedAt.Equal(at) || retried.RetriedBy != "by" || key != first.Key {
		t.Errorf("retried: %+v", retried)
	}
	open := retried.Apply(again.Record())
	if open.Attempts != 2 || !open.RetriedAt.IsZero() || open.Offset != 50 || open.Reason != "b" {
		t.Errorf("failed again: %+v", open)
	}
	for what, late := range map[string]DeadLetter{
		"the first retry": open.Apply(key, nil, headers), "the first letter": open.Apply(first.Record()),
	} {
		if !reflect.DeepEqual(late, open) {
			t.Errorf("%s, come late, changes it to %+v", what, late)
		}
	}
	if d := (DeadLetter{}).Apply(key, nil, headers); d.ID != "" {
		t.Errorf("a retry of nothing: %+v", d)
	}
}

func TestDeadLetter_WhatIsTooLarge_IsCut_AndSaysSo(t *testing.T) {
	for want, change := range map[string]func(*DeadLetter){
		"key cut":                  func(d *DeadLetter) { d.Key = strings.Repeat("k", maxDeadKey+1) },
		"value cut":                func(d *DeadLetter) { d.Value = make([]byte, maxDeadValue+1) },
		"headers dropped":          func(d *DeadLetter) { d.Headers["large"] = make([]byte, maxDeadHeaders) },
		"code redacted":            func(d *DeadLetter) { d.Value = []byte(`{"code":"123456"}`) },
		"code redacted, value cut": func(d *DeadLetter) { d.Value = append([]byte(`{"code":1,`), make([]byte, maxDeadValue-10)...) },
	} {
		d := failed()
		change(&d)
		d = read(d.PutAside(errors.New("why")))
		if d.Altered != want || len(d.Key) > maxDeadKey || len(d.Value) > maxDeadValue {
			t.Errorf("%q: altered is %q, key has %d bytes, value %d", want, d.Altered, len(d.Key), len(d.Value))
		}
	}
}

func TestDeadLetter_HoldsNoCode(t *testing.T) {
	for _, value := range []string{
		`{"email":"a","code":"123456","x":1}`, `{"code" : 123456}`, `{"code":"123456`, `{"code":123456,`, `x"code":"12\"3456"}`, `[{"code":123456]`,
	} {
		_, got, _ := DeadLetter{Value: []byte(value)}.PutAside(errors.New("why")).Record()
		if strings.Contains(string(got), "3456") || !strings.Contains(string(got), `"redacted"`) {
			t.Errorf("%s is kept as %s", value, got)
		}
	}
	const other = `{"type":"verify","result":"code_invalid","postcode":"123456"}`
	if _, got, _ := (DeadLetter{Value: []byte(other)}).PutAside(errors.New("why")).Record(); string(got) != other {
		t.Errorf("%s is kept as %s", other, got)
	}
}

// explosive panics when it is read.
type explosive struct{}

func (*explosive) UnmarshalJSON([]byte) error { panic("with a secret") }

func TestCodec_APanicWhileDecoding_IsAnErrorWithItsStack(t *testing.T) {
	decoded, err := Codec[explosive]{}.Decode([]byte("{}"))
	m := decoded.(*Message[explosive])
	if err != nil || m.Err == nil || strings.Contains(m.Err.Error(), "secret") {
		t.Fatalf("err %v, message's %v", err, m.Err)
	}
	d := failed().PutAside(m.Err)
	if !strings.Contains(d.Stack, "UnmarshalJSON") || strings.Contains(d.Stack, "secret") {
		t.Errorf("stack %s", d.Stack)
	}
}

// Whatever a record holds, its letter has no code, is read as it was written, and stays what it is when it fails again.
func FuzzDeadLetter_PutAside(f *testing.F) {
	f.Add("ada@example.com", []byte(`{"code":"123456"}`), "header", []byte("value"), "why")
	f.Add("", []byte(`{"code" : 123456, "code":"12\"34`), letterID, []byte("id"), "")
	f.Add(strings.Repeat("k", maxDeadKey+1), []byte(nil), letterAttempts, []byte("7"), "why")
	f.Fuzz(func(t *testing.T, key string, value []byte, name string, header []byte, reason string) {
		d := failed()
		d.Key, d.Value, d.Headers = key, value, map[string][]byte{name: header}
		d = d.PutAside(errors.New(reason))
		for _, found := range code.FindAllSubmatch(d.Value, -1) {
			if string(found[2]) != `"redacted"` && len(d.Value) < maxDeadValue {
				t.Fatalf("%q still holds %q", d.Value, found[0])
			}
		}
		if len(d.Key) > maxDeadKey || len(d.Value) > maxDeadValue || d.Altered == "" && (d.Key != key || string(d.Value) != string(value)) {
			t.Fatalf("altered is %q of %q, %q", d.Altered, d.Key, d.Value)
		}
		if got := read(d); !reflect.DeepEqual(got, d) {
			t.Fatalf("%+v\nis read as\n%+v", d, got)
		}
		again := failed()
		again.Key, again.Value, again.Headers = d.Original()
		again.Offset++
		if again = again.PutAside(errors.New(reason)); again.ID != d.ID || again.Attempts != d.Attempts+1 || again.Altered != "" {
			t.Fatalf("%+v\nfails again as\n%+v", d, again)
		}
	})
}

// What stands on dead_letters and is no letter changes nothing.
func FuzzDeadLetter_Apply(f *testing.F) {
	_, _, h := failed().PutAside(errors.New("why")).Record()
	f.Add("k", []byte("v"), h[letterID], h[letterAttempts], h[letterPartition], h[letterOffset], h[letterAt], h[letterRecordedAt], []byte(nil))
	f.Add("", []byte(nil), []byte("id"), []byte("1"), []byte("-1"), []byte("99999999999999999999"), []byte("now"), []byte(""), h[letterAt])
	f.Fuzz(func(t *testing.T, key string, value, id, attempts, partition, offset, at, recordedAt, retriedAt []byte) {
		headers := map[string][]byte{
			letterID: id, letterAttempts: attempts, letterPartition: partition, letterOffset: offset, letterAt: at, letterRecordedAt: recordedAt,
		}
		if len(retriedAt) > 0 {
			headers[letterRetriedAt] = retriedAt
		}
		before := failed().PutAside(errors.New("before"))
		after := before.Apply(key, value, headers)
		fresh := DeadLetter{}.Apply(key, value, headers)
		switch {
		case len(retriedAt) > 0:
			before.RetriedAt = after.RetriedAt
			if !reflect.DeepEqual(after, before) || !reflect.DeepEqual(fresh, DeadLetter{}) {
				t.Fatalf("a retry changes %+v\nto %+v", before, after)
			}
		case reflect.DeepEqual(fresh, DeadLetter{}):
			if !reflect.DeepEqual(after, before) {
				t.Fatalf("what is none changes %+v\nto %+v", before, after)
			}
		case fresh.ID != string(id) || fresh.Attempts < 1 || fresh.At.IsZero() && string(at) != "0001-01-01T00:00:00Z" || fresh.Key != key:
			t.Fatalf("half a letter: %+v", fresh)
		case !reflect.DeepEqual(after, before) && !reflect.DeepEqual(after, fresh):
			t.Fatalf("half of two letters: %+v", after)
		}
	})
}
