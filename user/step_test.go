package user_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

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

func TestStep_OfTwoWaysOnFromAState_NeitherChangesTheOther(t *testing.T) {
	a := newAccount()
	a.register("v1")
	for range 5 { // in the end their list of tokens to dispute has room for more
		a.wait(time.Hour)
		c, other := a.command(user.Resend, "v1"), a.command(user.Resend, "v1")
		other.SetCode(a.secret, []byte("sixteen randoms!"))
		one, _, _ := user.Step(a.state, c, a.now)
		was := asJSON(one)
		user.Step(a.state, other, a.now)
		if asJSON(one) != was {
			t.Fatalf("%s\nbecame\n%s", was, asJSON(one))
		}
		a.send(c)
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
