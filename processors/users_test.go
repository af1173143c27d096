package processors_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

const ada = "ada@example.com"

func TestUsers_ARegistrationAndItsProof_AreOneEventEach(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.runs(w.users(processors.UsersConfig{}), nil)
	r := registration(t, ada)
	w.asks(r)
	w.asks(r) // the same command again
	w.asks(proof(t, r))

	verified := event(t, w.hears(topics.UserAccountVerified, 1)[0])
	created := w.hears(topics.UserAccountCreated, 1)[0]
	e := event(t, created)
	if e.Email != ada || e.FirstName != "Ada" || e.Sequence != 1 || e.Verification.ID != r.VerificationID {
		t.Errorf("created: %+v", e)
	}
	if verified.UserID != e.UserID || verified.Sequence <= e.Sequence {
		t.Errorf("verified: %+v, created: %+v", verified, e)
	}
	if string(created.Key) != ada || header(created, "ce_id") != e.ID || header(created, "ce_type") != topics.UserAccountCreated ||
		header(created, "ce_source") != topics.SourceUsers || header(created, "ce_specversion") != "1.0" || header(created, "ce_time") == "" {
		t.Errorf("created: key %q, headers %v", created.Key, created.Headers)
	}
	if e.Code != "" {
		t.Error("the event carries a code")
	}
}

func TestUsers_WithCodeSecrets_PutTheCodeIntoTheEvent_AndNowhereElse(t *testing.T) {
	w := newWorld(t, stream.AtLeastOnce)
	w.runs(w.users(processors.UsersConfig{CodeSecrets: secrets(t), AtLeastOnce: true}), nil)
	r := registration(t, ada)
	w.asks(r)
	code := secrets(t).First().Code(r.Email, r.VerificationID, r.Nonce)
	if e := event(t, w.hears(topics.UserAccountCreated, 1)[0]); e.Code != code {
		t.Errorf("event has code %q, want the mailed one", e.Code)
	}
	if row := w.hears(topics.UserTable, 1)[0]; bytes.Contains(row.Value, []byte(`"`+code+`"`)) {
		t.Error("the table holds the code")
	}
}

func TestUsers_WithCodeSecrets_PutNoCodeWhereNoneIsMailed(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	locked, _, _ := user.Step(user.State{}, registration(t, ada), time.Now().Add(-time.Hour))
	locked.LockedUntil = time.Now().Add(time.Hour)
	locked.Failures = 100
	locked.FailedAt = time.Now()
	w.says(topics.UserTable, ada, encoded(t, locked))
	verified := registration(t, "grace@example.com")
	state, _, _ := user.Step(user.State{}, verified, time.Now().Add(-time.Hour))
	state, _, _ = user.Step(state, proof(t, verified), time.Now().Add(-time.Hour))
	w.says(topics.UserTable, verified.Email, encoded(t, state))
	w.runs(w.users(processors.UsersConfig{CodeSecrets: secrets(t)}), nil)
	w.asks(registration(t, ada))
	w.asks(registration(t, verified.Email))
	if e := event(t, w.hears(topics.UserCodeRequested, 1)[0]); e.Code != "" || !e.Verification.LinkOnly {
		t.Errorf("while the digits are locked: %+v", e)
	}
	if e := event(t, w.hears(topics.UserRegistrationRepeated, 1)[0]); e.Code != "" || len(e.Verification.Nonce) == 0 {
		t.Errorf("to a verified address: %+v", e)
	}
}

func TestUsers_WhatCannotBeRead_IsADeadLetter_AndTheNextIsHandled(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.runs(w.users(processors.UsersConfig{}), nil)
	good := registration(t, ada)
	other := registration(t, "grace@example.com")
	incomplete := registration(t, ada)
	incomplete.AnswerDigest = nil
	unknown := registration(t, ada)
	unknown.Type = "promote"
	for _, bad := range []struct {
		key   string
		value []byte
		why   string
	}{
		{ada, []byte("no json"), "no JSON"},
		{ada, nil, "no value"},
		{"", encoded(t, good), "key"},
		{ada, encoded(t, other), "key"},
		{"Ada@Example.com", encoded(t, good), "key"},
		{"__offset", encoded(t, good), "key"},
		{ada, encoded(t, incomplete), "answer_digest"},
		{ada, encoded(t, unknown), "type"},
	} {
		w.says(topics.UserCommands, bad.key, bad.value)
	}
	w.misplaces(topics.UserCommands, good.Email, encoded(t, good))
	w.asks(good)
	w.hears(topics.UserAccountCreated, 1)
	whys := map[string]int{"no JSON": 1, "no value": 1, "key is not": 4, "answer_digest": 1, "type": 1, "partition": 1}
	for _, letter := range w.hears(topics.DeadLetters, 9) {
		reason := header(letter, "dead_letter_reason")
		for why := range whys {
			if strings.Contains(reason, why) {
				whys[why]--
			}
		}
		if header(letter, "dead_letter_topic") != topics.UserCommands || header(letter, "dead_letter_offset") == "" {
			t.Errorf("dead letter has headers %v", letter.Headers)
		}
	}
	for why, n := range whys {
		if n != 0 {
			t.Errorf("%d dead letters too few for %q", n, why)
		}
	}
}

func TestUsers_ARowThatCannotBeRead_IsLeftAsItIs(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.says(topics.UserTable, ada, []byte("no row"))
	w.runs(w.users(processors.UsersConfig{}), nil)
	w.asks(registration(t, ada))
	w.hears(topics.DeadLetters, 1)
	w.hears(topics.UserTable, 1)
}

func TestUsers_AtLeastOnce_ARecordReadAgain_EmitsTheSameEventsAndChangesNothing(t *testing.T) {
	w := newWorld(t, stream.AtLeastOnce)
	as := w.users(processors.UsersConfig{AtLeastOnce: true})
	stop := w.runs(as, nil)
	r := registration(t, ada)
	w.asks(r)
	first := event(t, w.hears(topics.UserAccountCreated, 1)[0])
	stop()
	w.forget(topics.UserService) // as if the processor had died before it committed the offset
	w.runs(as, nil)
	again := w.hears(topics.UserAccountCreated, 2)
	for _, e := range again {
		if event(t, e).ID != first.ID || event(t, e).Sequence != first.Sequence {
			t.Errorf("another event: %s", e.Value)
		}
	}
	w.hears(topics.UserTable, 1)
	w.asks(proof(t, r))
	w.hears(topics.UserAccountVerified, 1)
}

func TestUsers_AtLeastOnce_ARecordInItsPlaceOfATopicMadeAnew_IsApplied(t *testing.T) {
	w := newWorld(t, stream.AtLeastOnce)
	as := w.users(processors.UsersConfig{AtLeastOnce: true})
	r := registration(t, ada)
	w.runs(as, nil)
	w.asks(r)
	w.hears(topics.UserAccountCreated, 1)
	w.deletes(topics.UserCommands)
	w.makesTopics()
	w.client.PurgeTopicsFromClient(topics.UserCommands)
	w.asks(proof(t, r))
	w.hears(topics.UserAccountVerified, 1)
}

func TestUsers_TheSameCommandLater_HasNoSecondEvent(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.runs(w.users(processors.UsersConfig{}), nil)
	r := registration(t, ada)
	p := proof(t, r)
	for range 3 {
		w.asks(r)
		w.asks(p)
	}
	w.asks(registration(t, "last@example.com"))
	if n := len(w.hears(topics.UserAccountCreated, 2)); n != 2 {
		t.Errorf("%d accounts", n)
	}
	w.hears(topics.UserAccountVerified, 1)
}

func TestUsers_TheTraceOfACommand_GoesOnInItsEvent(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.runs(w.users(processors.UsersConfig{}), nil)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	r := registration(t, ada)
	w.puts(&kgo.Record{
		Topic: topics.UserCommands, Key: []byte(ada), Value: encoded(t, r),
		Headers: []kgo.RecordHeader{{Key: topics.TraceParent, Value: []byte(trace)}},
	})
	if e := w.hears(topics.UserAccountCreated, 1)[0]; header(e, topics.TraceParent) != trace {
		t.Errorf("event has headers %v", e.Headers)
	}
}

// A record may be small on its way, compressed, and too large for what it would become.
func TestUsers_ARecordThatIsTooLargeToGoOn_IsADeadLetter_AndTheNextIsHandled(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.runs(w.users(processors.UsersConfig{}), nil)
	var err error
	w.client, err = kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchMaxBytes(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)
	large := strings.Repeat("x", 1<<20)
	named, keyed := registration(t, ada), registration(t, ada)
	named.FirstName = large
	w.asks(named)
	w.says(topics.UserCommands, large, encoded(t, keyed))
	traced := registration(t, ada)
	w.puts(&kgo.Record{
		Topic: topics.UserCommands, Key: []byte(ada), Value: encoded(t, traced),
		Headers: []kgo.RecordHeader{{Key: topics.TraceParent, Value: []byte(large)}},
	})
	w.asks(registration(t, "grace@example.com"))
	w.hears(topics.UserAccountCreated, 2)
	w.hears(topics.DeadLetters, 2)
}
