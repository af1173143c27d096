package user_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/user"
)

func ExampleStep() {
	secrets, _ := user.ParseSecrets("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	secret := secrets.First()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

	register := user.Command{ID: "c1", Type: user.Register, Email: "ada@example.com", VerificationID: "v1", FirstName: "Ada"}
	register.SetCode(secret, []byte("sixteen randoms!"))
	state, events, outcome := user.Step(user.State{}, register, at)
	fmt.Println(outcome.Result, events[0].Type, state.Status)

	verification := events[0].Verification // what the mail is made from
	code := secret.Code(events[0].Email, verification.ID, verification.Nonce)

	verify := user.Command{ID: "c2", Type: user.Verify, Email: "ada@example.com", VerificationID: "v1"}
	verify.Answer = secret.Answer(verify.Email, verify.VerificationID, code)
	state, events, outcome = user.Step(state, verify, at.Add(time.Minute))
	fmt.Println(outcome.Result, events[0].Type, state.Status)

	state, events, outcome = user.Step(state, verify, at.Add(time.Hour)) // the same command again
	fmt.Println(outcome.Result, len(events), state.Version)

	// Output:
	// accepted user_account_created pending
	// verified user_account_verified verified
	// verified 0 2
}

func TestStep_OnAnOlderRecord_KeepsTheStatesTime(t *testing.T) {
	a := newAccount()
	a.wait(time.Hour)
	a.register("v1")
	a.wait(-30 * time.Minute)
	outcome, events := a.register("v2")
	latest := start.Add(time.Hour)
	if !outcome.At.Equal(latest) || !a.state.UpdatedAt.Equal(latest) || !a.of("v2").OpenedAt.Equal(latest) {
		t.Errorf("state %s", asJSON(a.state))
	}
	wantEvents(t, events)
}

func TestStep_TimesAreUTC(t *testing.T) {
	a := newAccount()
	a.now = start.In(time.FixedZone("east", 3600))
	a.register("v1")
	if a.state.UpdatedAt != start || a.of("v1").ExpiresAt != start.Add(10*time.Minute) {
		t.Errorf("state %s", asJSON(a.state))
	}
}

func TestStep_LeavesTheStatesItWasGivenAlone(t *testing.T) {
	a := newAccount()
	a.register("v1")
	given := map[string]user.State{}
	for range 50 { // beyond every bound, so that each list is cut as well
		a.register(fmt.Sprint("v", len(a.sent)))
		a.guess("v1", 1)
		a.guess("nowhere", 1)
		a.wait(15 * time.Minute)
		given[asJSON(a.state)] = a.state
	}
	for text, s := range given {
		for _, later := range []time.Duration{0, 24 * time.Hour} {
			for _, id := range []string{"v1", "nowhere"} { // other ways on from there
				b := &account{state: s, now: a.now.Add(later), secret: a.secret, sent: make([]user.Command, 1000)}
				b.guess(id, 1)
				b.register("other")
			}
		}
		if asJSON(s) != text {
			t.Fatalf("%s\nbecame\n%s", text, asJSON(s))
		}
	}
}

func TestStep_NeverDecidesByTheSendersClock(t *testing.T) {
	var states []string
	for _, clock := range []time.Time{{}, start.Add(-1000 * time.Hour), start.Add(1000 * time.Hour)} {
		a := newAccount()
		c := a.command(user.Register, "v1")
		c.IssuedAt = clock
		a.send(c)
		c = a.command(user.Verify, "v1")
		c.IssuedAt, c.Answer = clock, a.secret.Answer(ada, "v1", a.code("v1"))
		outcome, _ := a.send(c)
		wantResult(t, outcome, user.Verified)
		states = append(states, asJSON(a.state))
	}
	if states[0] != states[1] || states[1] != states[2] {
		t.Error("the sender's clock changes the state")
	}
}

// Whatever is sent, repeated, sent late or in another order, the promises hold.
func TestStep_KeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			account: newAccount(), text: asJSON(user.State{}), mailed: map[string]mailedCode{}, first: map[string]user.Outcome{},
			wrong: map[string]int{}, times: map[string]time.Time{}, events: map[string]string{}, count: map[user.EventType]int{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"register": w.register,
			"resend":   w.resend,
			"guess":    w.guess,
			"follow":   w.follow,
			"repeat":   w.repeat,
			"dispute":  w.dispute,
			"erase":    w.erase,
			"sweep":    w.sweep,
			"retry":    w.retry,
			"hold":     w.hold,
			"release":  w.release,
			"wait":     w.wait,
			"policy":   w.drawPolicy,
		})
	})
}

// world is an account and what an onlooker knows of it who sees only commands, outcomes and mails.
type world struct {
	*account
	text   string // the state's JSON
	ids    []string
	held   []user.Command          // made, and on their way
	mailed map[string]mailedCode   // by nonce
	first  map[string]user.Outcome // by command id
	wrong  map[string]int          // guesses answered as wrong, by verification
	lock   lock                    // the same, since the last proof
	proven bool
	erased time.Time            // when it was last
	times  map[string]time.Time // of the first record of each command
	events map[string]string    // by event id
	count  map[user.EventType]int
}

type mailedCode struct {
	verification, code, token string
	at                        time.Time
}

func (w *world) anyID(t *rapid.T) string {
	return rapid.SampledFrom(append([]string{"nowhere", "early"}, w.ids...)).Draw(t, "verification")
}

func (w *world) register(t *rapid.T) {
	id := fmt.Sprint("v", len(w.sent))
	if !slices.Contains(w.ids, "early") && rapid.IntRange(0, 9).Draw(t, "early") == 0 {
		id = "early" // others may have asked about it before
	}
	c := w.account.command(user.Register, id)
	c.FirstName = "Ada of " + spelled(c.ID)
	w.ids = append(w.ids, id)
	w.apply(t, c)
}

func (w *world) resend(t *rapid.T) { w.apply(t, w.account.command(user.Resend, w.anyID(t))) }

func (w *world) guess(t *rapid.T)  { w.apply(t, w.attempt(t, false)) }
func (w *world) follow(t *rapid.T) { w.apply(t, w.attempt(t, true)) }

// attempt draws what somebody might try: what was mailed last, or earlier, or to another, or nothing that was.
func (w *world) attempt(t *rapid.T, byToken bool) user.Command {
	c := w.account.command(user.Verify, w.anyID(t))
	tries := []mailedCode{{code: "wrong!", token: "wrong!"}}
	if v := w.of(c.VerificationID); len(v.Nonce) > 0 {
		tries = append(tries, w.mailed[string(v.Nonce)])
	}
	for _, sent := range w.sent {
		if m, ok := w.mailed[string(sent.Nonce)]; ok {
			tries = append(tries, m)
		}
	}
	try := rapid.SampledFrom(tries).Draw(t, "try")
	if byToken {
		c.TokenDigest = user.TokenDigest(try.token)
	} else {
		c.Answer = w.secret.Answer(ada, c.VerificationID, try.code)
	}
	return c
}

// dispute draws a token of a mail, or one that is none.
func (w *world) dispute(t *rapid.T) {
	c := w.account.command(user.Dispute, w.anyID(t))
	c.TokenDigest = user.TokenDigest("wrong!")
	if v := w.of(c.VerificationID); len(v.Nonce) > 0 && rapid.Bool().Draw(t, "right") {
		c.TokenDigest = user.TokenDigest(w.secret.DisputeToken(ada, v.ID, v.Nonce))
	}
	w.apply(t, c)
}

func (w *world) sweep(t *rapid.T) { w.apply(t, w.account.command(user.Sweep, "")) }

// applySweep steps: a sweep must do what Due says, and nothing where it says nothing.
func (w *world) applySweep(t *rapid.T, c user.Command) {
	old := w.state
	c.FirstRecorded = time.Time{}
	due := !w.now.Before(old.ErasedAt) && old.Due(c.Policy, laterOf(w.now, old.UpdatedAt))
	_, events := w.send(c)
	w.text = asJSON(w.state)
	if gone := w.state.Version == 0; !due && w.text != asJSON(old) || due && !gone && w.state.Version != old.Version+1 {
		t.Fatalf("a sweep (due: %t) of\n%s\nleft\n%s", due, asJSON(old), w.text)
	}
	if !due {
		return
	}
	w.lock.forget(c.Policy, laterOf(w.now, old.UpdatedAt))
	if w.state.Due(c.Policy, w.state.UpdatedAt) {
		t.Fatalf("after a sweep there is still something due: %s", w.text)
	}
	if len(events) > 0 {
		w.begin()
		w.erased = w.state.ErasedAt
	}
}

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b.UTC()
	}
	return a.UTC()
}

// lock is the account's count of failures, reckoned apart from Step.
type lock struct {
	failures       int
	failed, opened time.Time // opened: when it opens again
}

func (l *lock) forget(p user.Policy, now time.Time) {
	for l.failures > 0 && !now.Before(l.failed.AddDate(0, 0, 30)) {
		l.failures, l.failed = max(0, l.failures-limit(p)), l.failed.AddDate(0, 0, 30)
	}
}

func (l *lock) fail(p user.Policy, now time.Time) {
	if now.Before(l.opened) {
		return
	}
	l.failures++
	l.failed = now
	if l.failures%limit(p) == 0 {
		l.opened = now.AddDate(0, 0, []int{1, 2, 4, 8, 16, 30}[min(l.failures/limit(p), 6)-1])
	}
}

func limit(p user.Policy) int {
	if p.FailuresBeforeLock <= 0 {
		return 100
	}
	return min(max(p.FailuresBeforeLock, 10), 100)
}

func (w *world) repeat(t *rapid.T) {
	if len(w.sent) == 0 {
		t.Skip("nothing to repeat")
	}
	again := rapid.SampledFrom(w.sent).Draw(t, "repeated")
	if rapid.Bool().Draw(t, "by a client") {
		again.IssuedAt = w.now // a client's repeat has a new time and a new nonce
		if again.Type != user.Verify {
			again.SetCode(w.secret, []byte(fmt.Sprintf("%016d", len(w.mailed)+len(w.sent))))
		}
	}
	w.apply(t, again)
}

func (w *world) erase(t *rapid.T) { w.apply(t, w.account.command(user.Erase, "")) }

// retry sends what was sent before as a later copy that knows when it was recorded first.
func (w *world) retry(t *rapid.T) {
	if len(w.sent) == 0 {
		t.Skip("nothing to retry")
	}
	again := rapid.SampledFrom(w.sent).Draw(t, "retried")
	again.FirstRecorded = w.times[again.ID]
	w.apply(t, again)
}

// hold makes an attempt that arrives only when others have.
func (w *world) hold(t *rapid.T) {
	c := w.attempt(t, rapid.Bool().Draw(t, "by token"))
	c.ID = fmt.Sprint("held", len(w.sent), "-", len(w.held))
	w.held = append(w.held, c)
}

func (w *world) release(t *rapid.T) {
	if len(w.held) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(w.held)-1).Draw(t, "released")
	c := w.held[i]
	w.held = append(w.held[:i:i], w.held[i+1:]...)
	w.apply(t, c)
}

func (w *world) wait(t *rapid.T) {
	w.account.wait(rapid.SampledFrom(append([]time.Duration{-time.Hour, -time.Second, 23 * 24 * time.Hour, 30 * 24 * time.Hour}, waits...)).Draw(t, "wait"))
}

func (w *world) drawPolicy(t *rapid.T) {
	limit := rapid.SampledFrom([]int{-1, 0, 1, 2, 5, 10, 60, 180, 600, 1 << 40})
	w.policy = user.Policy{
		CodeTTLSeconds: limit.Draw(t, "ttl"), Tries: limit.Draw(t, "tries"), MailIntervalSeconds: limit.Draw(t, "interval"),
		MailsPerHour: limit.Draw(t, "an hour"), MailsPerDay: limit.Draw(t, "a day"), MailsPerClient: limit.Draw(t, "a client"),
		FailuresBeforeLock: limit.Draw(t, "before the lock"), UnverifiedHours: limit.Draw(t, "unverified"),
	}
}

// apply steps, and checks what must hold of every step.
func (w *world) apply(t *rapid.T, c user.Command) {
	if c.Type == user.Sweep {
		w.applySweep(t, c)
		return
	}
	old, before, command := w.state, w.text, asJSON(c)
	if _, again := w.times[c.ID]; !again {
		w.times[c.ID] = w.now
	}
	remembered, known := old.Outcome(c.VerificationID, c.ID)
	if w.state.ErasedAt.IsZero() {
		w.erased = time.Time{} // so long ago that nothing from before is left
	}
	if !known && (w.now.Before(w.erased) || !c.FirstRecorded.IsZero() && c.FirstRecorded.Before(w.erased)) {
		if outcome, events := w.send(c); outcome.Result != user.Refused || len(events) > 0 || asJSON(w.state) != before {
			t.Fatalf("%s from before the erasure was answered %s", c.Type, outcome.Result)
		}
		return
	}
	oldV := w.of(c.VerificationID)
	if first, seen := w.first[c.ID]; seen && !known && first.Event != "" && oldV.ID == "" {
		return // its verification is gone, and with it the memory of it
	}

	outcome, events := w.send(c)
	w.text = asJSON(w.state)

	if asJSON(old) != before || asJSON(c) != command {
		t.Fatal("Step changed what it was given")
	}
	again, eventsAgain, outcomeAgain := user.Step(fromJSON[user.State](t, before), fromJSON[user.Command](t, command), w.now) // which does not say FirstRecorded, but that has no say here
	if text := asJSON(again); text != w.text || asJSON(eventsAgain) != asJSON(events) || outcomeAgain != outcome {
		t.Fatalf("the same step from JSON gives\n%s\nnot\n%s", text, w.text)
	}
	for _, e := range events {
		if text := asJSON(e); asJSON(fromJSON[user.Event](t, text)) != text {
			t.Fatalf("event %s changed on its way", text)
		}
	}

	if first, seen := w.first[c.ID]; seen && known && (outcome != first || outcome != remembered) {
		t.Fatalf("command %s has the outcome %+v, before it was %+v", c.ID, outcome, first)
	}
	if known {
		if len(events) > 0 || w.text != before {
			t.Fatalf("repeating %s had an effect", c.ID)
		}
		return
	}
	w.first[c.ID] = outcome
	if w.state.Version != old.Version+1 || w.state.UpdatedAt.Before(old.UpdatedAt) {
		t.Fatalf("from version %d of %v to %d of %v", old.Version, old.UpdatedAt, w.state.Version, w.state.UpdatedAt)
	}
	if o, ok := w.state.Outcome(c.VerificationID, c.ID); !ok || o != outcome {
		t.Fatalf("the outcome %+v is remembered as %+v", outcome, o)
	}

	if v := w.of(c.VerificationID); c.Type == user.Register && len(v.Outcomes) == 1 {
		w.wrong[v.ID] = 0 // opened now, perhaps again
	}
	w.lock.forget(c.Policy, w.state.UpdatedAt)
	w.checkAttempt(t, c, oldV, outcome)
	w.checkEvents(t, c, old, outcome, events)
	if c.Type == user.Erase {
		w.checkErased(t, c, old)
	}
	for _, v := range w.state.Verifications {
		if v.Failures != w.wrong[v.ID] {
			t.Fatalf("%d failures of %s, %d wrong guesses were answered", v.Failures, v.ID, w.wrong[v.ID])
		}
		if life := v.ExpiresAt.Sub(w.state.UpdatedAt); v.Status == user.VerificationOpen && life > 10*time.Minute {
			t.Fatalf("%s lives for another %v", v.ID, life)
		}
	}
	if w.state.Failures != w.lock.failures {
		t.Fatalf("%d failures in a row, want %d", w.state.Failures, w.lock.failures)
	}
}

// checkAttempt says what an attempt must come to, from what was mailed and answered before.
func (w *world) checkAttempt(t *rapid.T, c user.Command, v user.Verification, o user.Outcome) {
	if c.Type != user.Verify {
		want := user.Accepted
		if c.Type == user.Erase {
			want = user.Erased
		}
		if o.Result != want {
			t.Fatalf("%s was answered %s", c.Type, o.Result)
		}
		return
	}
	now := w.state.UpdatedAt
	tries := c.Policy.Tries
	if tries <= 0 {
		tries = 5
	}
	tries = min(tries, 10)
	byToken := len(c.TokenDigest) > 0
	m := w.mailed[string(v.Nonce)]
	right := len(v.Nonce) > 0 && m.verification == c.VerificationID
	if byToken {
		right = right && string(c.TokenDigest) == string(user.TokenDigest(m.token))
	} else {
		right = right && string(c.Answer) == string(w.secret.Answer(ada, c.VerificationID, m.code)) && !now.Before(w.lock.opened)
	}

	want := user.CodeInvalid
	switch {
	case v.ID == "" || v.Status != user.VerificationVerified && now.Sub(v.OpenedAt) >= 24*time.Hour:
		want = user.CodeExpired
	case v.Status != user.VerificationOpen:
		want = user.CodeExpired
	case !byToken && w.wrong[v.ID] >= tries:
		want = user.TooManyAttempts
	case !now.Before(v.ExpiresAt):
		want = user.CodeExpired
	case right:
		want = user.Verified
	}
	if o.Result != want {
		t.Fatalf("attempt answered %s, want %s", o.Result, want)
	}
	switch {
	case want == user.Verified:
		if w.proven || now.Sub(m.at) >= 10*time.Minute {
			t.Fatalf("a code mailed at %v was taken at %v, proven before: %t", m.at, now, w.proven)
		}
		w.proven, w.lock = true, lock{}
	case want == user.CodeInvalid && !byToken:
		w.wrong[v.ID]++
		w.lock.fail(c.Policy, now)
	}
}

// checkErased sees to it that nothing of the person is left, and begins anew what is known of an account.
func (w *world) checkErased(t *rapid.T, c user.Command, old user.State) {
	s := w.state
	kept := user.State{
		Email: ada, Status: user.StatusDeleted, Version: old.Version + 1, UpdatedAt: s.UpdatedAt, ErasedAt: s.UpdatedAt,
		Failures: s.Failures, FailedAt: s.FailedAt, LockedUntil: s.LockedUntil, MailSlots: s.MailSlots, NoticedAt: s.NoticedAt,
		MailStoppedUntil: s.MailStoppedUntil, Unmatched: s.Unmatched,
	}
	if w.text != asJSON(kept) || len(s.Unmatched) != 1 || s.Unmatched[0].CommandID != c.ID {
		t.Fatalf("after the erasure there is %s", w.text)
	}
	w.begin()
	w.erased = s.ErasedAt
}

// begin forgets what is known of an account that is gone.
func (w *world) begin() {
	w.proven, w.wrong = false, map[string]int{}
	w.count[user.AccountCreated], w.count[user.AccountVerified] = 0, 0
}

func (w *world) checkEvents(t *rapid.T, c user.Command, old user.State, o user.Outcome, events []user.Event) {
	if (c.Type == user.Erase && old.UserID != "") != (o.Event == user.AccountDeleted) {
		t.Fatalf("%s of account %q caused %q", c.Type, old.UserID, o.Event)
	}
	if len(events) > 1 || (len(events) == 1) != (o.Event != "") {
		t.Fatalf("%d events of a command with the outcome %+v", len(events), o)
	}
	for _, e := range events {
		if other, ok := w.events[e.ID]; ok {
			t.Fatalf("two events of one id:\n%s\n%s", other, asJSON(e))
		}
		w.events[e.ID] = asJSON(e)
		w.count[e.Type]++
		if e.Type != o.Event || e.Sequence != w.state.Version || e.UserID != cmp.Or(w.state.UserID, old.UserID) || e.Email != ada || e.Code != "" || !e.OccurredAt.Equal(o.At) {
			t.Fatalf("event %s", asJSON(e))
		}
		if (e.Type == user.AccountVerified) != (o.Result == user.Verified) {
			t.Fatalf("%s with the result %s", e.Type, o.Result)
		}
		if ref := e.Verification; ref != nil && e.Type != user.RegistrationRepeated {
			if w.proven {
				t.Fatal("a verified address was mailed a code")
			}
			if ref.LinkOnly != e.OccurredAt.Before(w.lock.opened) {
				t.Fatalf("link only: %t, locked until %v", ref.LinkOnly, w.lock.opened)
			}
			if _, ok := w.mailed[string(ref.Nonce)]; !ok {
				w.mailed[string(ref.Nonce)] = mailedCode{
					ref.ID, w.secret.Code(ada, ref.ID, ref.Nonce), w.secret.LinkToken(ada, ref.ID, ref.Nonce), e.OccurredAt,
				}
			}
		}
	}
	if n := w.count[user.AccountVerified]; n > 1 || n == 1 && !w.proven {
		t.Fatalf("%d events say that the account is verified", n)
	}
	if n := w.count[user.AccountCreated]; n > 1 {
		t.Fatalf("the account was created %d times", n)
	}
	if n := len(w.state.MailSlots); n > 50 {
		t.Fatalf("%d mails a day", n)
	}
}

func fromJSON[T any](t *rapid.T, text string) T {
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJSON_OfWhatIsFull_ChangesNothing(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 2)
	a.guess("nowhere", 1)
	a.wait(time.Minute)
	_, events := a.register("v2")
	a.follow("v1", a.token("v1"))
	a.wait(2 * time.Minute)
	a.register("v3")
	for _, v := range []any{a.state, a.sent[0], a.sent[1], a.sent[5]} {
		out := reflect.New(reflect.TypeOf(v))
		if err := json.Unmarshal([]byte(asJSON(v)), out.Interface()); err != nil {
			t.Fatal(err)
		}
		if got := out.Elem().Interface(); !reflect.DeepEqual(got, v) {
			t.Errorf("%+v\ncame back as\n%+v", v, got)
		}
	}
	var e user.Event // its type is its topic
	if err := json.Unmarshal([]byte(asJSON(events[0])), &e); err != nil {
		t.Fatal(err)
	}
	if e.Type = events[0].Type; !reflect.DeepEqual(e, events[0]) {
		t.Errorf("%+v\ncame back as\n%+v", events[0], e)
	}
}

// What stands on the topics and in the tables is read by other programs, and by later versions.
func TestJSON_HasTheNamesOthersRead(t *testing.T) {
	a := newAccount()
	_, events := a.register("v1")
	a.guess("v1", 1)
	a.guess("nowhere", 1)
	_, proofs := a.follow("v1", a.token("v1"))
	erased := newAccount()
	erased.register("v1")
	erased.guess("v1", 1)
	_, deletions := erased.erase()
	for _, c := range []struct {
		name  string
		value any
		want  []string
	}{
		{"register", a.sent[0], []string{
			"answer_digest", "command_id", "dispute_digest", "email", "first_name", "issued_at", "last_name", "link_digest", "locale", "nonce",
			"policy.code_ttl_seconds", "policy.failures_before_lock", "policy.mail_interval_seconds", "policy.mails_per_client", "policy.mails_per_day",
			"policy.mails_per_hour", "policy.tries", "policy.unverified_hours",
			"secret_id", "type", "verification_id",
		}},
		{"verify by code", a.sent[1], []string{
			"answer", "command_id", "email", "issued_at",
			"policy.code_ttl_seconds", "policy.failures_before_lock", "policy.mail_interval_seconds", "policy.mails_per_client", "policy.mails_per_day",
			"policy.mails_per_hour", "policy.tries", "policy.unverified_hours",
			"type", "verification_id",
		}},
		{"verify by link", a.sent[3], []string{
			"command_id", "email", "issued_at",
			"policy.code_ttl_seconds", "policy.failures_before_lock", "policy.mail_interval_seconds", "policy.mails_per_client", "policy.mails_per_day",
			"policy.mails_per_hour", "policy.tries", "policy.unverified_hours",
			"token_digest", "type", "verification_id",
		}},
		{"account created", events[0], []string{
			"email", "event_id", "first_name", "last_name", "locale", "occurred_at", "sequence", "user_id",
			"verification.expires_at", "verification.id", "verification.nonce", "verification.opened_at", "verification.secret_id",
		}},
		{"account verified", proofs[0], []string{
			"email", "event_id", "first_name", "last_name", "locale", "occurred_at", "sequence", "user_id",
		}},
		{"account deleted", deletions[0], []string{
			"email", "event_id", "first_name", "last_name", "locale", "occurred_at", "sequence", "user_id",
		}},
		{"deleted", erased.state, []string{
			"email", "erased_at", "failed_at", "failures", "mail_slots.at", "status", "unmatched.at", "unmatched.attempts_remaining", "unmatched.command_id",
			"unmatched.event", "unmatched.result", "unmatched.type", "updated_at", "version",
		}},
		{"erase", erased.sent[2], []string{
			"command_id", "email", "issued_at",
			"policy.code_ttl_seconds", "policy.failures_before_lock", "policy.mail_interval_seconds", "policy.mails_per_client", "policy.mails_per_day",
			"policy.mails_per_hour", "policy.tries", "policy.unverified_hours",
			"type",
		}},
		{"state", a.state, []string{
			"created_at", "email", "first_name", "last_name", "locale", "mail_slots.at", "status",
			"unmatched.at", "unmatched.attempts_remaining", "unmatched.command_id", "unmatched.result", "unmatched.type",
			"updated_at", "user_id",
			"verifications.answer_digest", "verifications.dispute_digests", "verifications.expires_at", "verifications.failures", "verifications.first_name", "verifications.id",
			"verifications.last_name", "verifications.link_digest", "verifications.locale", "verifications.nonce", "verifications.opened_at",
			"verifications.outcomes.at", "verifications.outcomes.attempts_remaining", "verifications.outcomes.command_id",
			"verifications.outcomes.event", "verifications.outcomes.result", "verifications.outcomes.type",
			"verifications.secret_id", "verifications.slot", "verifications.status", "verified_at", "version",
		}},
		{"nothing known", user.State{}, []string{"email", "updated_at", "version"}},
	} {
		var v any
		if err := json.Unmarshal([]byte(asJSON(c.value)), &v); err != nil {
			t.Fatal(err)
		}
		if got := fieldNames("", v); !slices.Equal(got, c.want) {
			t.Errorf("%s has %q, want %q", c.name, got, c.want)
		}
	}
}

// fieldNames lists the paths of all fields in v, once each and sorted.
func fieldNames(path string, v any) (names []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			names = append(names, fieldNames(strings.TrimPrefix(path+"."+name, "."), field)...)
		}
	case []any:
		for _, item := range v {
			names = append(names, fieldNames(path, item)...)
		}
	default:
		names = append(names, path)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
