package topics

import (
	"encoding/json"
	"reflect"
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
		"nothing":       "",
		"no JSON":       secret,
		"cut":           `{"email":"` + secret,
		"another type":  `{"email":["` + secret + `"]}`,
		"a number":      `{"sequence":"` + secret + `"}`,
		"a time":        `{"occurred_at":"` + secret + `"}`,
		"an array":      `["` + secret + `"]`,
		"two values":    `{} {"email":"` + secret + `"}`,
		"half an event": `{"email":"ada@example.com","sequence":"` + secret + `"}`,
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
		if string(m.Raw) != data || m.Value != (Event{}) {
			t.Errorf("%s: raw is %q, half a value %+v", name, m.Raw, m.Value)
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

func FuzzCodec_Command(f *testing.F) {
	fuzzCodec(f, user.Command{
		ID: "c", Type: user.Register, Email: "a@example.com", VerificationID: "v", IssuedAt: noon, FirstName: "Ada",
		SecretID: "s", Nonce: make([]byte, user.NonceSize), Policy: user.DefaultPolicy(),
	})
}

func FuzzCodec_Event(f *testing.F) {
	fuzzCodec(f, Event{ID: "e", OccurredAt: noon, Sequence: 3, UserID: "u", Email: "a@example.com", Verification: &user.CodeRef{ID: "v", ExpiresAt: noon}})
}

func FuzzCodec_State(f *testing.F) {
	register := user.Command{ID: "c", Type: user.Register, Email: "a@example.com", VerificationID: "v", FirstName: "Ada"}
	state, _, _ := user.Step(user.State{}, register, noon)
	fuzzCodec(f, state)
}

func FuzzCodec_MailDelivery(f *testing.F) {
	fuzzCodec(f, MailDelivery{MailID: "m", Email: "a@example.com", Kind: "verify_account", State: "queued", OccurredAt: noon, By: "outbox"})
}

// fuzzCodec holds that what can be read is read the same for ever, and that of anything else nothing is.
func fuzzCodec[T any](f *testing.F, sample T) {
	data, err := Encode(sample)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(data), "", "null", "[]", `{"email":"` + strings.Repeat("a", 300), string(data) + "{}", strings.ToUpper(string(data))} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(data []byte) *Message[T] {
			decoded, err := Codec[T]{}.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			return decoded.(*Message[T])
		}
		m := read(data)
		if m.Err != nil {
			if !reflect.ValueOf(m.Value).IsZero() || string(m.Raw) != string(data) {
				t.Fatalf("%v, and yet %+v", m.Err, m.Value)
			}
			return
		}
		text, err := Encode(m.Value)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again := read(text)
		textAgain, err := Encode(again.Value)
		if again.Err != nil || err != nil || string(textAgain) != string(text) {
			t.Fatalf("%s is read and written as %s, %v, %v", text, textAgain, again.Err, err)
		}
	})
}
