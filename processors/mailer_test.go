package processors_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	logs "github.com/sirupsen/logrus/hooks/test"

	"countersign/mail"
	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// desk takes the outbox' rows and answers each queued mail with a result.
type desk struct {
	mu   sync.Mutex
	rows map[string][]byte
}

func (d *desk) Assigned(_ int32, rows iter.Seq2[string, []byte]) {
	for key, row := range rows {
		d.Committed(0, key, row)
	}
}

func (d *desk) Committed(_ int32, key string, row []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rows == nil {
		d.rows = map[string][]byte{}
	}
	d.rows[key] = row
}

func (d *desk) Revoked(int32) {}

// row waits until an address's row fulfils a condition.
func (d *desk) row(t *testing.T, key string, is func(mail.Outbox) bool) mail.Outbox {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		row := d.rows[key]
		d.mu.Unlock()
		var o mail.Outbox
		if row != nil {
			if err := json.Unmarshal(row, &o); err != nil {
				t.Fatal(err)
			}
			if is(o) {
				return o
			}
		}
	}
	t.Fatalf("row of %s is %s", key, d.rows[key])
	return mail.Outbox{}
}

// mailer is the notifier's group. Its registry may be nil.
func (w *world) mailer(registry prometheus.Registerer) stream.ProcessorConfig {
	w.t.Helper()
	as, err := processors.Mailer(processors.MailerConfig{
		Partitions: partitions, Suppressions: w.suppressions(), Registry: registry, Log: w.log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return as
}

func createdEvent(t *testing.T, email string) topics.Event {
	t.Helper()
	_, events, _ := user.Step(user.State{}, registration(t, email), time.Now())
	return events[0]
}

func TestMailer_AnEvent_BecomesAMailInTheOutbox_AndItsResultEndsIt(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	var d desk
	w.runs(w.mailer(nil), &d)
	e := createdEvent(t, ada)
	w.says(topics.UserAccountCreated, ada, encoded(t, e))
	w.says(topics.UserAccountCreated, ada, encoded(t, e)) // the same event again

	queued := d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 }).Mails[0]
	if queued.ID != e.ID || queued.Kind != mail.VerifyAccount || queued.To != ada || queued.State != mail.Queued {
		t.Fatalf("queued: %+v", queued)
	}
	w.says(topics.MailDeliveries, ada, encoded(t, topics.MailDelivery{
		MailID: e.ID, Email: ada, Kind: "verify_account", State: "sent", Attempt: 1, OccurredAt: time.Now(), By: "sender",
	}))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 && len(o.Done) == 1 })
	w.says(topics.UserAccountCreated, ada, encoded(t, e)) // and once more
	w.says(topics.UserAccountVerified, ada, encoded(t, topics.Event{ID: "v", OccurredAt: time.Now(), UserID: e.UserID, Email: ada}))
	o := d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 })
	if o.Mails[0].Kind != mail.AccountVerified {
		t.Errorf("outbox: %+v", o)
	}
	for i, state := range []string{"queued", "sent", "queued"} {
		var told topics.MailDelivery
		if err := json.Unmarshal(w.hears(topics.MailDeliveries, 3)[i].Value, &told); err != nil || told.State != state {
			t.Errorf("delivery %d is %+v, want %s", i, told, state)
		}
	}
}

func TestMailer_AnEventThatLacksWhatItsMailNeeds_IsADeadLetter(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	var d desk
	w.runs(w.mailer(nil), &d)
	whole := createdEvent(t, ada)
	lacks := func(change func(*topics.Event)) []byte {
		e := whole
		v := *whole.Verification
		e.Verification = &v
		change(&e)
		return encoded(t, e)
	}
	for _, value := range [][]byte{
		lacks(func(e *topics.Event) { e.ID = "" }),
		lacks(func(e *topics.Event) { e.UserID = "" }),
		lacks(func(e *topics.Event) { e.OccurredAt = time.Time{} }),
		lacks(func(e *topics.Event) { e.Verification = nil }),
		lacks(func(e *topics.Event) { e.Verification.Nonce = nil }),
		lacks(func(e *topics.Event) { e.Email = "grace@example.com" }),
		lacks(func(e *topics.Event) { e.ID = strings.Repeat("i", 65) }),
		lacks(func(e *topics.Event) { e.FirstName = strings.Repeat("n", 2000) }),
		lacks(func(e *topics.Event) { e.Verification.ID = strings.Repeat("v", 65) }),
		[]byte("no json"),
		nil,
	} {
		w.says(topics.UserAccountCreated, ada, value)
	}
	w.says(topics.UserAccountDeleted, ada, lacks(func(e *topics.Event) { e.Sequence = 0 }))
	w.says(topics.UserAccountCreated, ada, encoded(t, whole))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 })
	w.hears(topics.DeadLetters, 12)
}

func TestMailer_ARecordOfAnother_IsADeadLetter_AndMailsNobody(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	var d desk
	w.runs(w.mailer(nil), &d)
	e := createdEvent(t, ada)
	for _, change := range []func(map[string][]byte){
		func(h map[string][]byte) { h["ce_source"] = []byte("/somebody/else") },
		func(h map[string][]byte) { h["ce_source"] = []byte(topics.SourceAPI) },
		func(h map[string][]byte) { delete(h, "ce_source") },
		func(h map[string][]byte) { h["ce_specversion"] = []byte("2.0") },
		func(h map[string][]byte) { h["ce_type"] = []byte(topics.UserAccountVerified) },
		func(h map[string][]byte) { h["ce_type"] = []byte(topics.UserAccountCreated + ".v2") },
	} {
		headers := topics.Headers(e.ID, topics.UserAccountCreated, topics.SourceUsers, e.OccurredAt, nil)
		change(headers)
		w.saysAs(topics.UserAccountCreated, ada, encoded(t, e), headers)
	}
	forged := topics.MailDelivery{MailID: e.ID, Email: ada, State: "sent", Attempt: 1, OccurredAt: time.Now(), By: "sender"}
	w.saysAs(topics.MailDeliveries, ada, encoded(t, forged), topics.Headers("", topics.MailDeliveries, "/somebody/else", time.Now(), nil))
	for _, c := range []topics.MailCommand{
		{ID: "c", Type: "send", Email: ada, MailID: e.ID},
		{ID: "c", Type: topics.RetryMail, Email: ada},
		{Type: topics.CancelMail, Email: ada, MailID: e.ID},
		{ID: "c", Type: topics.CancelMail, Email: "grace@example.com", MailID: e.ID},
	} {
		w.says(topics.MailCommands, ada, encoded(t, c))
	}
	w.misplaces(topics.UserAccountCreated, ada, encoded(t, e))
	w.misplaces(topics.MailCommands, ada, encoded(t, topics.MailCommand{ID: "c", Type: topics.CancelMail, Email: ada, MailID: e.ID}))
	w.hears(topics.DeadLetters, 13)
	w.says(topics.UserAccountCreated, ada, encoded(t, e))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 && o.Mails[0].ID == e.ID })
	w.hears(topics.MailDeliveries, 2) // the forged one, and that the mail is queued
}

func TestMailer_AnAddressThatTheRelayKnowsNot_IsSuppressed_UntilAnOperatorTakesItOff(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	registry := prometheus.NewRegistry()
	list := w.suppressions()
	as, err := processors.Mailer(processors.MailerConfig{Partitions: partitions, Suppressions: list, Registry: registry, Log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	var d desk
	w.runs(as, &d)
	e := createdEvent(t, ada)
	w.says(topics.UserAccountCreated, ada, encoded(t, e))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 })
	w.says(topics.MailDeliveries, ada, encoded(t, refusal(e.ID)))
	awaitListed(t, list, true)
	another := topics.Event{ID: "v", OccurredAt: time.Now(), UserID: e.UserID, Email: ada}
	w.says(topics.UserAccountVerified, ada, encoded(t, another))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 && len(o.Done) == 2 })

	w.orders(topics.MailCommand{Type: topics.UnsuppressMail})
	w.orders(topics.MailCommand{Type: topics.RetryMail, MailID: another.ID}) // at once
	w.orders(topics.MailCommand{Type: topics.UnsuppressMail})
	awaitListed(t, list, false)
	w.orders(topics.MailCommand{Type: topics.RetryMail, MailID: another.ID})
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 && o.Mails[0].ID == another.ID })
	w.orders(topics.MailCommand{Type: topics.CancelMail, MailID: another.ID})
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 })
	want := []string{"queued/", "failed/rcpt", "failed/suppressed", "queued/", "cancelled/"}
	for i, r := range w.hears(topics.MailDeliveries, len(want)) {
		var told topics.MailDelivery
		if err := json.Unmarshal(r.Value, &told); err != nil || told.State+"/"+told.Stage != want[i] {
			t.Errorf("delivery %d is %+v, want %s", i, told, want[i])
		}
	}
	for _, r := range w.hears(topics.MailSuppressions, 3) {
		if string(r.Key) != topics.SuppressionKey(ada) || strings.Contains(string(r.Value), "@") {
			t.Errorf("the list has %s: %s", r.Key, r.Value)
		}
	}
	const skipped = `
		# HELP countersign_mail_skipped_total Records that asked for a mail, or for something to be done with one, and changed nothing, by topic and reason.
		# TYPE countersign_mail_skipped_total counter
		countersign_mail_skipped_total{reason="nothing_to_do",topic="mail_commands"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(skipped), "countersign_mail_skipped_total"); err != nil {
		t.Error(err)
	}
}

// refusal is what a relay says of an address that it does not know.
func refusal(mailID string) topics.MailDelivery {
	return topics.MailDelivery{
		MailID: mailID, Email: ada, Kind: "verify_account", State: "failed", Attempt: 1, OccurredAt: time.Now(),
		Stage: "rcpt", Reply: "550 5.1.1 nobody", By: "sender",
	}
}

// orders says what an operator asks for, of ada's mails.
func (w *world) orders(c topics.MailCommand) {
	w.t.Helper()
	c.ID, c.Email, c.RequestedAt = "c", ada, time.Now()
	w.says(topics.MailCommands, ada, encoded(w.t, c))
}

// awaitListed waits until ada is on the list, or is not.
func awaitListed(t *testing.T, list processors.Suppressions, want bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, is, err := list.Of(ada); err == nil && is == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("listed is not %v", want)
		}
	}
}

func TestMailer_ARefusalOfAMailThatWasCalledOff_SuppressesItsAddress_Once(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	list := w.suppressions()
	as, err := processors.Mailer(processors.MailerConfig{Partitions: partitions, Suppressions: list, Log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	var d desk
	w.runs(as, &d)
	e := createdEvent(t, ada)
	w.says(topics.UserAccountCreated, ada, encoded(t, e))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 })
	w.orders(topics.MailCommand{Type: topics.CancelMail, MailID: e.ID})
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Done) == 1 })
	w.says(topics.MailDeliveries, ada, encoded(t, refusal(e.ID)))
	awaitListed(t, list, true)
	w.orders(topics.MailCommand{Type: topics.UnsuppressMail})
	awaitListed(t, list, false)
	w.says(topics.MailDeliveries, ada, encoded(t, refusal(e.ID))) // again
	w.orders(topics.MailCommand{Type: topics.RetryMail, MailID: e.ID})
	if o := d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 }); o.Mails[0].Attempts != 1 {
		t.Errorf("retried: %+v", o.Mails)
	}
	accepted := refusal(e.ID)
	accepted.State, accepted.Attempt = "sent", 2
	w.says(topics.MailDeliveries, ada, encoded(t, accepted)) // behind the repeat
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 })
	w.orders(topics.MailCommand{Type: topics.UnsuppressMail})
	for i, r := range w.hears(topics.MailSuppressions, 3) {
		if put := r.Value != nil; put != (i == 0) {
			t.Errorf("record %d of the list is %s", i, r.Value)
		}
	}
}

func TestMailer_WhatIsToldOfAMail_HasAnIDOfItsOwn_ThoughItComesToTheSameTwice(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	var d desk
	w.runs(w.mailer(nil), &d)
	e := createdEvent(t, ada)
	w.says(topics.UserAccountCreated, ada, encoded(t, e))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 })
	for _, what := range []string{topics.CancelMail, topics.RetryMail, topics.CancelMail} {
		w.orders(topics.MailCommand{Type: what, MailID: e.ID})
	}
	seen := map[string]bool{}
	for _, r := range w.hears(topics.MailDeliveries, 4) {
		id := header(r, "ce_id")
		if seen[id] {
			t.Errorf("%s is told twice", id)
		}
		seen[id] = true
	}
}

func TestMailer_AnErasedAccount_IsMailedNothingMore(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	var d desk
	w.runs(w.mailer(nil), &d)
	state, created, _ := user.Step(user.State{}, registration(t, ada), time.Now())
	_, deleted, _ := user.Step(state, user.Command{ID: "erase", Type: user.Erase, Email: ada}, time.Now())
	w.says(topics.UserAccountCreated, ada, encoded(t, created[0]))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 1 })
	w.says(topics.UserAccountDeleted, ada, encoded(t, deleted[0]))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 && len(o.Done) == 1 })
	late := created[0]
	late.ID = "late" // as one that was put aside then, and is retried now
	w.says(topics.UserAccountCreated, ada, encoded(t, late))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 && len(o.Done) == 2 })
	for i, state := range []string{"queued", "cancelled", "cancelled"} {
		var told topics.MailDelivery
		if err := json.Unmarshal(w.hears(topics.MailDeliveries, 3)[i].Value, &told); err != nil || told.State != state {
			t.Errorf("delivery %d is %+v, want %s", i, told, state)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if row := string(d.rows[ada]); strings.Contains(row, "Ada") || strings.Contains(row, created[0].UserID) {
		t.Errorf("the outbox still knows %s", row)
	}
}

func TestLetters_HoldTheCodeOfTheEvent_AndALinkThatOpensToIt(t *testing.T) {
	s := secrets(t)
	r := registration(t, ada)
	m := mail.Mail{
		ID: "m", Kind: mail.VerifyAccount, To: ada, VerificationID: r.VerificationID, SecretID: r.SecretID,
		Nonce: base64.StdEncoding.EncodeToString(r.Nonce), OpenedAt: time.Now(),
	}
	letter, err := processors.Letters(s, "https://verify.example.com")(m)
	if err != nil {
		t.Fatal(err)
	}
	if letter.Code != s.First().Code(ada, r.VerificationID, r.Nonce) {
		t.Error("the mail has another code")
	}
	fragment, ok := strings.CutPrefix(letter.Link, "https://verify.example.com/#")
	handle, token, found := strings.Cut(fragment, ".")
	if !ok || !found {
		t.Fatalf("link is %s", letter.Link)
	}
	h, err := s.Open(handle, time.Now())
	if err != nil || h.Email != ada || h.VerificationID != r.VerificationID {
		t.Errorf("handle opens to %+v, %v", h, err)
	}
	if token != s.First().LinkToken(ada, r.VerificationID, r.Nonce) {
		t.Error("the link has another token")
	}
	m.SecretID = "gone"
	if _, err := processors.Letters(s, "")(m); !errors.Is(err, user.ErrUnknownSecret) {
		t.Errorf("without the secret: %v", err)
	}
}

func TestLetters_WhileTheDigitsAreLocked_HoldTheLinksAlone(t *testing.T) {
	s := secrets(t)
	r := registration(t, ada)
	m := mail.Mail{
		ID: "m", Kind: mail.VerifyAccount, To: ada, VerificationID: r.VerificationID, SecretID: r.SecretID,
		Nonce: base64.StdEncoding.EncodeToString(r.Nonce), OpenedAt: time.Now(), LinkOnly: true,
	}
	letter, err := processors.Letters(s, "https://verify.example.com")(m)
	if err != nil || letter.Code != "" || letter.Link == "" || letter.Reference != user.Reference(r.VerificationID) {
		t.Errorf("letter %+v, %v", letter, err)
	}
	if !strings.HasPrefix(letter.Dispute, "https://verify.example.com/dispute#") || !strings.HasSuffix(letter.Dispute, "."+s.First().DisputeToken(ada, r.VerificationID, r.Nonce)) {
		t.Errorf("the link to dispute is %s", letter.Dispute)
	}
	m.Kind = mail.AlreadyRegistered
	if letter, err = processors.Letters(s, "")(m); err != nil || letter.Code != "" || letter.Link != "" || letter.Dispute == "" {
		t.Errorf("the notice has %+v, %v", letter, err)
	}
	m.Kind, m.Nonce = mail.AccountVerified, ""
	if letter, err = processors.Letters(s, "")(m); err != nil || letter != (mail.Letter{}) {
		t.Errorf("the confirmation has %+v, %v", letter, err)
	}
}

func TestMailer_WhoWantsNoMail_GetsNone_AndIsCounted(t *testing.T) {
	w, registry := newWorld(t, stream.ExactlyOnce), prometheus.NewRegistry()
	var d desk
	w.runs(w.mailer(registry), &d)
	proven := createdEvent(t, ada)
	proven.Verification, proven.NoMail = nil, true
	w.says(topics.UserAccountVerified, ada, encoded(t, proven))
	locked := createdEvent(t, ada)
	locked.Verification.LinkOnly = true
	w.says(topics.UserAccountCreated, ada, encoded(t, locked))
	if o := d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) > 0 }); len(o.Mails) != 1 || o.Mails[0].ID != locked.ID || !o.Mails[0].LinkOnly {
		t.Errorf("queued are %+v", o.Mails)
	}
	if n := counted(t, registry, "countersign_mail_skipped_total", "reason", "not_wanted", "topic", topics.UserAccountVerified); n != 1 {
		t.Errorf("%v are counted that wanted no mail", n)
	}
	if n, err := testutil.GatherAndCount(registry, "countersign_mail_skipped_total"); n != 1 || err != nil {
		t.Errorf("%d reasons and topics, %v", n, err)
	}
}

func TestMailer_AMailThatComesTooLate_IsExpired_CountedAndLogged(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	entries := logs.NewLocal(w.log)
	registry := prometheus.NewRegistry()
	var d desk
	w.runs(w.mailer(registry), &d)
	expired := func() float64 {
		return counted(t, registry, "countersign_mail_decisions_total", "kind", "verify_account", "state", "expired")
	}
	const series = 21 // of every kind and state, or the first one were no increase
	if n, err := testutil.GatherAndCount(registry, "countersign_mail_decisions_total"); n != series || err != nil || expired() != 0 {
		t.Errorf("before: %d counters, %v; %v expired", n, err, expired())
	}
	e := createdEvent(t, ada)
	e.OccurredAt = time.Now().Add(-time.Hour)
	e.Verification.ExpiresAt = e.OccurredAt.Add(10 * time.Minute)
	w.says(topics.UserAccountCreated, ada, encoded(t, e))
	d.row(t, ada, func(o mail.Outbox) bool { return len(o.Mails) == 0 && len(o.Done) == 1 })
	var told topics.MailDelivery
	if err := json.Unmarshal(w.hears(topics.MailDeliveries, 1)[0].Value, &told); err != nil || told.State != "expired" {
		t.Errorf("told %+v", told)
	}
	if n, err := testutil.GatherAndCount(registry, "countersign_mail_decisions_total"); n != series || err != nil || expired() != 1 {
		t.Errorf("%d counters, %v; %v expired", n, err, expired())
	}
	logged := false
	for _, entry := range entries.AllEntries() {
		logged = logged || entry.Data["mail_id"] == e.ID && entry.Data["state"] == mail.Expired
	}
	if !logged {
		t.Error("not logged")
	}
}
