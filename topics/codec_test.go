package topics

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"countersign/user"
)

func TestCodec_WhatItEncodes_ItDecodes(t *testing.T) {
	event := Event{ID: "e", OccurredAt: time.Unix(1, 0).UTC(), Sequence: 3, UserID: "u", Email: "a@example.com", FirstName: "Ada"}
	data, err := Codec[Event]{}.Encode(event)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := Codec[Event]{}.Decode(data)
	m := decoded.(*Message[Event])
	if err != nil || m.Err != nil || m.Value != event {
		t.Errorf("decoded %+v, %v, %v", m.Value, m.Err, err)
	}
	again, err := Codec[Event]{}.Encode(data)
	if err != nil || string(again) != string(data) {
		t.Errorf("what is encoded already is encoded as %s, %v", again, err)
	}
}

func TestCodec_DecodeNeverFails_AndSaysWhatIsWrongWithoutTheValue(t *testing.T) {
	const secret = "s3cr3t"
	for name, data := range map[string]string{
		"nothing":      "",
		"no JSON":      secret,
		"cut":          `{"email":"` + secret,
		"another type": `{"email":["` + secret + `"]}`,
		"a number":     `{"sequence":"` + secret + `"}`,
		"a time":       `{"occurred_at":"` + secret + `"}`,
		"an array":     `["` + secret + `"]`,
		"two values":   `{} {"email":"` + secret + `"}`,
	} {
		decoded, err := Codec[Event]{}.Decode([]byte(data))
		if err != nil {
			t.Errorf("%s: Decode fails: %v", name, err)
			continue
		}
		m := decoded.(*Message[Event])
		if m.Err == nil || strings.Contains(m.Err.Error(), secret) {
			t.Errorf("%s: error is %v", name, m.Err)
		}
		if string(m.Raw) != data {
			t.Errorf("%s: raw is %q", name, m.Raw)
		}
	}
}

func TestCodec_FieldsOfALaterVersion_ArePassedOver(t *testing.T) {
	decoded, _ := Codec[Event]{}.Decode([]byte(`{"event_id":"e","from_the_future":{"a":1}}`))
	if m := decoded.(*Message[Event]); m.Err != nil || m.Value.ID != "e" {
		t.Errorf("decoded %+v, %v", m.Value, m.Err)
	}
}

func TestEvent_IsFlatSnakeCase_AndHasNoCode(t *testing.T) {
	data, err := Codec[Event]{}.Encode(Event{Verification: &user.CodeRef{Nonce: make([]byte, user.NonceSize)}})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"event_id", "occurred_at", "sequence", "user_id", "email", "first_name", "last_name", "locale", "verification"} {
		if _, ok := fields[want]; !ok {
			t.Errorf("no %s in %s", want, data)
		}
		delete(fields, want)
	}
	if len(fields) > 0 {
		t.Errorf("more than agreed: %s", data)
	}
}

func TestHeaders_PassOnATraceOfTheRightLengthOnly(t *testing.T) {
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if h := Headers("id", "type", SourceAPI, time.Now(), []byte(trace)); string(h[TraceParent]) != trace {
		t.Errorf("headers %v", h)
	}
	if h := Headers("id", "type", SourceAPI, time.Now(), []byte(trace+trace)); h[TraceParent] != nil {
		t.Errorf("headers %v", h)
	}
}
