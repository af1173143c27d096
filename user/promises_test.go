package user_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/user"
)

// Whatever is sent, repeated, sent late or in another order, with whatever limits, the promises hold (by their numbers in
// the design):
//
//	I2  every transition has its event, and two events of one id are equal
//	I4  no code is accepted after it expired, was used, or was locked
//	I5  the failures counted are at least the wrong guesses answered
//	I6  one verified event an account
//	I8  a state's version never goes back
//	I9  the same command id gives the same answer
//
// And: Step does the same each time, changes nothing that it was given, and means the same when all was JSON on its way; no
// row grows without bound.
func TestStep_KeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		actions := w.actions()
		actions["policy"] = func(t *rapid.T) { w.policy = anyPolicy(t) }
		t.Repeat(actions)
	})
}

// What comes of each command is what the model says.
func TestStep_DoesWhatTheModelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.policy = boundPolicy(t)
		w.model = &model{policy: w.policy}
		t.Repeat(w.actions())
	})
}

// world is one address, who asks about it, and what an onlooker knows who sees commands, outcomes and events.
type world struct {
	*account
	model *model // nil: limits change on the way
	asked []asked
	held  []asked // on their way
	ids   []string
	made  uint64 // commands and nonces

	recorded map[string]time.Time    // first, by command id
	replied  map[string]user.Outcome // first, by command id
	mailed   map[string]user.Event   // the last that mailed a nonce
	wrong    map[string]int          // guesses answered as wrong, by verification
	proven   map[string]string       // the event that did it, by user id
	events   map[string]string       // by event id
}

// asked is the same for the model and for Step.
type asked struct {
	ask
	user.Command
}

func newWorld() *world {
	return &world{
		account: newAccount(), recorded: map[string]time.Time{}, replied: map[string]user.Outcome{}, mailed: map[string]user.Event{},
		wrong: map[string]int{}, proven: map[string]string{}, events: map[string]string{},
	}
}

// anyPolicy draws limits that a sender might have made up.
func anyPolicy(t *rapid.T) user.Policy {
	limit := rapid.SampledFrom([]int{-1, 0, 1, 2, 5, 10, 60, 180, 600, 1 << 40})
	return user.Policy{
		CodeTTLSeconds: limit.Draw(t, "ttl"), Tries: limit.Draw(t, "tries"), MailIntervalSeconds: limit.Draw(t, "interval"),
		MailsPerHour: limit.Draw(t, "an hour"), MailsPerDay: limit.Draw(t, "a day"), MailsPerClient: limit.Draw(t, "a client"),
		FailuresBeforeLock: limit.Draw(t, "before the lock"), UnverifiedHours: limit.Draw(t, "unverified"),
	}
}

// boundPolicy draws limits that a setting can have, mostly those that are reached soon.
func boundPolicy(t *rapid.T) user.Policy {
	if rapid.Bool().Draw(t, "default policy") {
		return user.DefaultPolicy()
	}
	low, top := user.MinPolicy(), user.MaxPolicy()
	between := func(name string, low, top int) int { return rapid.IntRange(low, top).Draw(t, name) }
	return user.Policy{
		CodeTTLSeconds:      between("ttl", low.CodeTTLSeconds, top.CodeTTLSeconds),
		Tries:               between("tries", low.Tries, top.Tries),
		MailIntervalSeconds: between("interval", low.MailIntervalSeconds, top.MailIntervalSeconds),
		MailsPerHour:        between("an hour", low.MailsPerHour, top.MailsPerHour),
		MailsPerDay:         between("a day", low.MailsPerDay, top.MailsPerDay),
		MailsPerClient:      between("a client", low.MailsPerClient, top.MailsPerClient),
		FailuresBeforeLock:  between("before the lock", low.FailuresBeforeLock, 12),
		UnverifiedHours:     between("unverified", low.UnverifiedHours, 48),
	}
}

// actions are what may happen next.
func (w *world) actions() map[string]func(*rapid.T) {
	send := func(make func(*rapid.T) asked) func(*rapid.T) { return func(t *rapid.T) { w.apply(t, make(t)) } }
	return map[string]func(*rapid.T){
		"register": send(w.register),
		"resend":   send(w.resend),
		"attempt":  send(w.attempt),
		"guess":    w.guessAll,
		"dispute":  send(w.dispute),
		"erase":    send(func(*rapid.T) asked { return w.begin(user.Erase, "") }),
		"sweep":    send(func(*rapid.T) asked { return w.begin(user.Sweep, "") }),
		"repeat":   send(w.repeat),
		"retry":    send(w.retry),
		"replay":   w.replay,
		"hold":     w.hold,
		"release":  send(w.release),
		"wait":     w.wait,
	}
}

func (w *world) begin(kind user.CommandType, verification string) asked {
	w.made++
	a := asked{ask{kind: kind, id: fmt.Sprint("c", w.made), verification: verification}, user.Command{}}
	a.Command = user.Command{ID: a.id, Type: kind, Email: ada, VerificationID: verification, IssuedAt: w.now, Policy: w.policy}
	return a
}

// code gives a command what its mail would say.
func (w *world) letter(a *asked) {
	w.made++
	nonce := binary.BigEndian.AppendUint64(make([]byte, user.NonceSize-8), w.made)
	a.SetCode(w.secret, nonce)
	a.says = letter{
		w.secret.Code(ada, a.verification, nonce), w.secret.LinkToken(ada, a.verification, nonce), w.secret.DisputeToken(ada, a.verification, nonce),
	}
}

// from draws who asks.
func (w *world) from(t *rapid.T, a *asked) {
	a.client = rapid.SampledFrom([]string{"", "a", "a", "b", "c", "d"}).Draw(t, "client")
	a.withheld = rapid.IntRange(0, 19).Draw(t, "withheld") == 0
	a.Client, a.WithholdMail = a.client, a.withheld
}

func (w *world) anyID(t *rapid.T) string {
	recent := w.ids[max(0, len(w.ids)-6):]
	return rapid.SampledFrom(append([]string{"nowhere", "early"}, recent...)).Draw(t, "verification")
}

func (w *world) register(t *rapid.T) asked {
	id := fmt.Sprint("v", w.made)
	if !slices.Contains(w.ids, "early") && rapid.IntRange(0, 9).Draw(t, "early") == 0 {
		id = "early" // others may have asked about it before
	}
	w.ids = append(w.ids, id)
	a := w.begin(user.Register, id)
	a.FirstName = "Ada of " + spelled(a.id)
	w.letter(&a)
	w.from(t, &a)
	return a
}

func (w *world) resend(t *rapid.T) asked {
	a := w.begin(user.Resend, w.anyID(t))
	w.letter(&a)
	w.from(t, &a)
	return a
}

// anyLetter draws one that may have been mailed for the verification, or for another, or one that never was.
func (w *world) anyLetter(t *rapid.T, verification string) letter {
	made := []letter{{"wrong!", "wrong!", "wrong!"}}
	for _, mine := range []bool{false, true} {
		for _, a := range slices.Backward(w.asked) {
			if a.says != (letter{}) && (a.verification == verification) == mine {
				made = append(made, a.says)
				break
			}
		}
	}
	if v := w.of(verification); len(v.Nonce) > 0 { // what its last mail says
		made = append(made, letter{w.secret.Code(ada, v.ID, v.Nonce), w.secret.LinkToken(ada, v.ID, v.Nonce), w.secret.DisputeToken(ada, v.ID, v.Nonce)})
	}
	return rapid.SampledFrom(made).Draw(t, "letter")
}

func (w *world) attempt(t *rapid.T) asked {
	a := w.begin(user.Verify, w.anyID(t))
	says := w.anyLetter(t, a.verification)
	if rapid.IntRange(0, 3).Draw(t, "by token") == 0 {
		a.token = says.link
		a.TokenDigest = user.TokenDigest(a.token)
	} else {
		a.guess = says.code
		a.Answer = w.secret.Answer(ada, a.verification, a.guess)
	}
	return a
}

// guessAll uses up what tries a verification has.
func (w *world) guessAll(t *rapid.T) {
	id := w.anyID(t)
	for range rapid.IntRange(1, 20).Draw(t, "guesses") {
		a := w.begin(user.Verify, id)
		a.guess = "wrong!"
		a.Answer = w.secret.Answer(ada, id, a.guess)
		w.apply(t, a)
	}
}

func (w *world) dispute(t *rapid.T) asked {
	a := w.begin(user.Dispute, w.anyID(t))
	a.token = w.anyLetter(t, a.verification).dispute
	a.TokenDigest = user.TokenDigest(a.token)
	return a
}

func (w *world) earlier(t *rapid.T) asked {
	if len(w.asked) == 0 {
		t.Skip("nothing was asked")
	}
	return rapid.SampledFrom(w.asked).Draw(t, "earlier")
}

// repeat is a client's: the same id, with another time and another nonce.
func (w *world) repeat(t *rapid.T) asked {
	a := w.earlier(t)
	a.IssuedAt = w.now
	if a.says != (letter{}) {
		w.letter(&a)
	}
	return a
}

// retry is an operator's: a later copy that says when it was recorded first.
func (w *world) retry(t *rapid.T) asked {
	a := w.earlier(t)
	a.first = w.recorded[a.id]
	a.FirstRecorded = a.first
	return a
}

// replay is at least once: the last records come again.
func (w *world) replay(t *rapid.T) {
	tail := rapid.IntRange(0, min(len(w.asked), 20)).Draw(t, "tail")
	for _, a := range slices.Clone(w.asked[len(w.asked)-tail:]) {
		w.apply(t, a)
	}
}

// hold makes something that arrives only when other things have.
func (w *world) hold(t *rapid.T) {
	w.held = append(w.held, rapid.SampledFrom([]func(*rapid.T) asked{w.resend, w.attempt, w.dispute}).Draw(t, "held")(t))
}

func (w *world) release(t *rapid.T) asked {
	if len(w.held) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(w.held)-1).Draw(t, "released")
	a := w.held[i]
	w.held = slices.Delete(slices.Clone(w.held), i, i+1)
	return a
}

func (w *world) wait(t *rapid.T) {
	far := []time.Duration{-time.Hour, -time.Second, 23 * 24 * time.Hour, 30 * 24 * time.Hour}
	w.account.wait(rapid.SampledFrom(append(far, waits...)).Draw(t, "wait"))
}

// apply steps, and checks what must hold of every step.
func (w *world) apply(t *rapid.T, a asked) {
	a.at = w.now
	w.asked = append(w.asked, a)
	if _, again := w.recorded[a.id]; !again {
		w.recorded[a.id] = w.now
	}
	if err := a.Validate(); err != nil {
		t.Fatal(err)
	}
	if w.model != nil {
		w.checkModel(t, a)
		return
	}
	c, old := a.Command, w.state
	before, command := asJSON(old), asJSON(c)
	outcome, events := w.send(c)
	text := asJSON(w.state)
	if asJSON(old) != before || asJSON(c) != command {
		t.Fatal("Step changed what it was given")
	}
	same := fromJSON[user.Command](t, command)
	same.FirstRecorded = c.FirstRecorded
	again, eventsAgain, outcomeAgain := user.Step(fromJSON[user.State](t, before), same, w.now.In(time.FixedZone("", 3600)))
	if asJSON(again) != text || asJSON(eventsAgain) != asJSON(events) || outcomeAgain != outcome {
		t.Fatalf("the same step from JSON gives\n%s\nnot\n%s", asJSON(again), text)
	}
	w.checkAnswer(t, c, old, outcome, events, text != before)
	if c.Type == user.Verify {
		w.checkAttempt(t, a, old, outcome)
	}
	w.checkEvents(t, old, outcome, events)
	w.checkSize(t)
}

// checkModel compares what comes of an ask with what the model says.
func (w *world) checkModel(t *rapid.T, a asked) {
	o, events := w.send(a.Command)
	want := w.model.answer(a.ask)
	got := reply{result: o.Result, left: o.AttemptsRemaining, told: o.Event, noMail: want.noMail, linkOnly: want.linkOnly}
	for _, e := range events {
		got.noMail, got.linkOnly = e.NoMail, e.Verification != nil && e.Verification.LinkOnly
	}
	if got != want || w.state.Status != w.model.account {
		t.Fatalf("%+v\nis answered %+v by Step, status %q\nand %+v by the model, status %q", a.ask, got, w.state.Status, want, w.model.account)
	}
	if n, _ := w.model.digits(w.model.now); n != w.state.Failures {
		t.Fatalf("%d failures in a row, the model says %d", w.state.Failures, n)
	}
}

// checkAnswer holds I8 and I9.
func (w *world) checkAnswer(t *rapid.T, c user.Command, old user.State, o user.Outcome, events []user.Event, changed bool) {
	if remembered, known := old.Outcome(c.VerificationID, c.ID); known {
		if o != remembered || o != w.replied[c.ID] || changed || len(events) > 0 {
			t.Fatalf("repeating %s gives %+v, %d events (changed: %t), before it was %+v", c.ID, o, len(events), changed, w.replied[c.ID])
		}
		return
	}
	w.replied[c.ID] = o
	gone := w.state.Version == 0
	switch {
	case gone && c.Type != user.Sweep && old.Version > 0, o.Result == user.Refused && changed:
		t.Fatalf("%s (%s) left %s", c.Type, o.Result, asJSON(w.state))
	case changed && !gone && (w.state.Email != ada || w.state.Version != old.Version+1 || w.state.UpdatedAt.Before(old.UpdatedAt)):
		t.Fatalf("from version %d of %v to %d of %v", old.Version, old.UpdatedAt, w.state.Version, w.state.UpdatedAt)
	case c.Type == user.Sweep || o.Result == user.Refused:
		return
	}
	if kept, ok := w.state.Outcome(c.VerificationID, c.ID); !ok || kept != o {
		t.Fatalf("the outcome %+v is remembered as %+v", o, kept)
	}
	if v := w.of(c.VerificationID); c.Type == user.Register && len(v.Outcomes) == 1 {
		w.wrong[v.ID] = 0 // opened now, perhaps again
	}
}

// checkAttempt holds I4 and I5.
func (w *world) checkAttempt(t *rapid.T, a asked, old user.State, o user.Outcome) {
	if _, known := old.Outcome(a.verification, a.id); known {
		return
	}
	v, now := old.Verification(a.verification), w.state.UpdatedAt
	switch {
	case o.Result == user.Verified:
		mail := w.mailed[string(v.Nonce)]
		says := letter{code: w.secret.Code(ada, v.ID, v.Nonce), link: w.secret.LinkToken(ada, v.ID, v.Nonce)}
		if mail.Verification == nil || mail.Verification.ID != v.ID || !now.Before(mail.Verification.ExpiresAt) || v.Status != user.VerificationOpen {
			t.Fatalf("proven at %v with what was mailed by %s", now, asJSON(mail))
		}
		if a.guess != says.code && a.token != says.link || a.token == "" && (mail.Verification.LinkOnly || now.Before(old.LockedUntil) || w.wrong[v.ID] >= 10) {
			t.Fatalf("proven by %q%q after %d wrong guesses", a.guess, a.token, w.wrong[v.ID])
		}
	case o.Result == user.CodeInvalid && a.token == "":
		w.wrong[a.verification]++
		if now.Before(old.LockedUntil) {
			break
		}
		if w.state.Failures < 1 || !w.state.FailedAt.Equal(now) {
			t.Fatalf("a wrong guess was answered, the account has %d failures, the last at %v", w.state.Failures, w.state.FailedAt)
		}
	}
	if v := w.of(a.verification); v.Failures != w.wrong[a.verification] && v.ID != "" {
		t.Fatalf("%d failures of %s, %d wrong guesses were answered", v.Failures, v.ID, w.wrong[v.ID])
	}
}

// checkEvents holds I2 and I6.
func (w *world) checkEvents(t *rapid.T, old user.State, o user.Outcome, events []user.Event) {
	account := func(s user.State) string { return fmt.Sprint(s.UserID, s.VerifiedAt) }
	if len(events) == 0 {
		if account(old) != account(w.state) {
			t.Fatalf("%s became %s, and nobody was told", asJSON(old), asJSON(w.state))
		}
		return
	}
	e := events[0]
	if other, ok := w.events[e.ID]; ok || len(events) > 1 {
		t.Fatalf("two events:\n%s\n%s", other, asJSON(events))
	}
	w.events[e.ID] = asJSON(e)
	if e.Type != o.Event || !e.CausedBy(o.CommandID) || e.Sequence != old.Version+1 || e.Email != ada || e.Code != "" || !e.OccurredAt.Equal(o.At) || e.UserID == "" {
		t.Fatalf("event %s of %+v", asJSON(e), o)
	}
	if text := asJSON(e); asJSON(fromJSON[user.Event](t, text)) != text {
		t.Fatalf("event %s changed on its way", text)
	}
	is := w.state
	ok := false
	switch e.Type {
	case user.AccountCreated:
		ok = old.UserID == "" && is.UserID == e.UserID && is.VerifiedAt.IsZero()
	case user.AccountVerified:
		ok = old.UserID == e.UserID && old.VerifiedAt.IsZero() && is.UserID == e.UserID && !is.VerifiedAt.IsZero() && w.proven[e.UserID] == ""
		w.proven[e.UserID] = e.ID
	case user.AccountDeleted:
		ok = old.UserID == e.UserID && is.UserID == "" && !bytes.Contains([]byte(asJSON(is)), []byte("Ada"))
	case user.CodeRequested, user.RegistrationRepeated:
		ok = account(old) == account(is) && is.UserID == e.UserID && is.VerifiedAt.IsZero() == (e.Type == user.CodeRequested)
	}
	if !ok || (e.Type == user.AccountVerified) != (o.Result == user.Verified) {
		t.Fatalf("%s tells that %s became %s (%s)", asJSON(e), asJSON(old), asJSON(is), o.Result)
	}
	if ref := e.Verification; ref != nil && e.Type != user.RegistrationRepeated {
		if life := ref.ExpiresAt.Sub(e.OccurredAt); life <= 0 || life > 10*time.Minute || !is.VerifiedAt.IsZero() {
			t.Fatalf("mailed %v before it expires: %s", life, asJSON(e))
		}
		w.mailed[string(ref.Nonce)] = e
	}
}

// checkSize bounds every list of the row.
func (w *world) checkSize(t *rapid.T) {
	s := w.state
	eventless := func(all []user.Outcome) (n int) {
		for _, o := range all {
			if o.Event == "" {
				n++
			}
		}
		return n
	}
	without := 0
	for _, v := range s.Verifications {
		if !v.Slot {
			without++
		}
		if eventless(v.Outcomes) > 16 || len(v.DisputeDigests) > 51 {
			t.Fatalf("verification %s", asJSON(v))
		}
	}
	if without > 32 || len(s.Verifications)-without > 51 || len(s.MailSlots) > 50 || eventless(s.Unmatched) > 16 || len(s.Unmatched) > 17 {
		t.Fatalf("row %s", asJSON(s))
	}
}

func fromJSON[T any](t *rapid.T, text string) T {
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
