package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

func TestResend_KeepsTheCodeWhileThreeMinutesAreLeft(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		keeps bool
	}{
		{time.Minute, true},
		{10*time.Minute - 180*time.Second, true},
		{10*time.Minute - 180*time.Second + 1, false},
		{10*time.Minute - 1, false},
		{10 * time.Minute, false},
		{23 * time.Hour, false},
		{24*time.Hour - 1, false},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			a := newAccount()
			a.register("v1")
			before, code, token := a.of("v1"), a.code("v1"), a.token("v1")
			a.wait(c.after)
			outcome, events := a.resend("v1")

			wantResult(t, outcome, user.Accepted)
			wantEvents(t, events, user.CodeRequested)
			v := a.of("v1")
			expires := a.now.Add(10 * time.Minute)
			if c.keeps {
				expires = before.ExpiresAt
			}
			if (a.code("v1") == code) != c.keeps || !v.ExpiresAt.Equal(expires) {
				t.Errorf("code kept: %t; expires %v, want %v", a.code("v1") == code, v.ExpiresAt, expires)
			}
			if ref := events[0].Verification; string(ref.Nonce) != string(v.Nonce) || !ref.ExpiresAt.Equal(expires) || !ref.OpenedAt.Equal(start) {
				t.Errorf("the mail's code is not the state's: %s", asJSON(events[0]))
			}
			if !c.keeps {
				outcome, _ = a.verify("v1", code)
				wantResult(t, outcome, user.CodeInvalid)
				outcome, _ = a.follow("v1", token)
				wantResult(t, outcome, user.CodeInvalid)
			}
			outcome, _ = a.verify("v1", a.code("v1"))
			wantResult(t, outcome, user.Verified)
		})
	}
}

func TestResend_OfANewCode_KeepsTheFailures(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 4)
	a.wait(time.Hour)
	a.resend("v1")
	if n := a.of("v1").Failures; n != 4 {
		t.Fatalf("%d failures", n)
	}
	wantResult(t, a.guess("v1", 1), user.CodeInvalid)
	wantResult(t, a.guess("v1", 1), user.TooManyAttempts)
}

func TestResend_MailsNothing(t *testing.T) {
	for name, prepare := range map[string]func(*account){
		"within a minute":       func(a *account) { a.wait(-time.Second) },
		"proven":                func(a *account) { a.verify("v1", a.code("v1")) },
		"closed":                func(a *account) { a.register("v2"); a.verify("v2", a.code("v2")); a.wait(time.Minute) },
		"gone":                  func(a *account) { a.wait(24*time.Hour - time.Minute) },
		"out of tries":          func(a *account) { a.guess("v1", 5) },
		"of another secret":     func(a *account) { a.secret = secret("s2") },
		"expired, other secret": func(a *account) { a.wait(time.Hour); a.secret = secret("s2") },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			a.register("v1")
			a.wait(time.Minute)
			prepare(a)
			before := a.of("v1")
			mails := len(a.state.MailSlots)
			outcome, events := a.resend("v1")
			wantResult(t, outcome, user.Accepted)
			wantEvents(t, events)
			after := a.of("v1")
			if name != "gone" && (string(after.AnswerDigest) != string(before.AnswerDigest) || !after.ExpiresAt.Equal(before.ExpiresAt)) {
				t.Errorf("verification %s", asJSON(after))
			}
			if len(a.state.MailSlots) > mails {
				t.Error("a slot was taken")
			}
		})
	}
}

func TestResend_WithoutACode_MailsTheFirstWithTheExpiryThatStands(t *testing.T) {
	for _, c := range []struct {
		after, expires time.Duration
	}{
		{time.Minute, 10 * time.Minute},
		{10*time.Minute - 180*time.Second, 10 * time.Minute},
		{8 * time.Minute, 18 * time.Minute},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			a := newAccount()
			a.register("v1")
			a.register("codeless")
			a.wait(c.after)
			_, events := a.resend("codeless")
			wantEvents(t, events, user.CodeRequested)
			v := a.of("codeless")
			if !v.Slot || !v.ExpiresAt.Equal(start.Add(c.expires)) {
				t.Errorf("verification %s, want it to expire after %v", asJSON(v), c.expires)
			}
			outcome, _ := a.verify("codeless", a.code("codeless"))
			wantResult(t, outcome, user.Verified)
		})
	}
}

func TestResend_OnAVerifiedAddress_MailsNoCodeButMovesTheExpiryAlike(t *testing.T) {
	a := verified()
	a.register("v2")
	a.wait(9 * time.Minute)
	outcome, events := a.resend("v2")
	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events) // the notice went out with the registration
	v := a.of("v2")
	if v.AnswerDigest != nil || !v.ExpiresAt.Equal(a.now.Add(10*time.Minute)) {
		t.Errorf("verification %s", asJSON(v))
	}
	a.wait(2 * time.Minute)
	wantResult(t, a.guess("v2", 1), user.CodeInvalid)
}
