package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

func TestVerify_WithTheOwnCode_ProvesTheAddress(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.wait(time.Minute)
	a.register("v2")
	outcome, events := a.verify("v2", a.code("v2"))

	wantResult(t, outcome, user.Verified)
	wantEvents(t, events, user.AccountVerified)
	e, s := events[0], a.state
	if e.UserID != s.UserID || e.Email != ada || e.FirstName != "Ada of vc" || e.Sequence != s.Version || e.Verification != nil {
		t.Errorf("event %s", asJSON(e))
	}
	if s.Status != user.StatusVerified || s.FirstName != "Ada of vc" || s.LastName != "Lovelace" || s.Locale != "en" || !s.VerifiedAt.Equal(a.now) {
		t.Errorf("state %s", asJSON(s))
	}
	if a.of("v1").Status != user.VerificationClosed || a.of("v2").Status != user.VerificationVerified {
		t.Errorf("verifications %s", asJSON(s.Verifications))
	}
}

func TestVerify_WithAnotherVerificationsCode_IsAWrongGuess(t *testing.T) {
	a := newAccount()
	a.register("owner")
	a.wait(time.Minute)
	a.register("stranger")

	outcome, events := a.verify("stranger", a.code("owner"))
	wantResult(t, outcome, user.CodeInvalid)
	wantEvents(t, events)
	if a.of("stranger").Failures != 1 || a.of("owner").Failures != 0 {
		t.Error("the guess was not charged to the verification it was made on alone")
	}
	outcome, _ = a.follow("stranger", a.token("owner"))
	wantResult(t, outcome, user.CodeInvalid)
}

func TestVerify_WhatIsProvenOrClosed_AnswersLikeAnExpiredCode(t *testing.T) {
	a := newAccount()
	a.register("closed")
	a.wait(time.Minute)
	a.register("proven")
	a.verify("proven", a.code("proven"))

	for _, id := range []string{"proven", "closed"} {
		for _, guess := range []string{a.code(id), "wrong!"} {
			outcome, events := a.verify(id, guess)
			wantResult(t, outcome, user.CodeExpired)
			wantEvents(t, events)
		}
		outcome, events := a.follow(id, a.token(id))
		wantResult(t, outcome, user.CodeExpired)
		wantEvents(t, events)
		if n := a.of(id).Failures; n != 0 {
			t.Errorf("%d failures counted on what is %s", n, id)
		}
	}
}

func TestVerify_OfAnUnknownVerification_AnswersLikeAnExpiredCode(t *testing.T) {
	a := newAccount()
	outcome, events := a.verify("nowhere", "123456")
	wantResult(t, outcome, user.CodeExpired)
	wantEvents(t, events)
	if outcome.AttemptsRemaining != 0 || a.state.Status != "" || a.state.Failures != 0 {
		t.Errorf("state %s", asJSON(a.state))
	}
}

func TestVerify_WithoutAMailedCode_NeverMatches(t *testing.T) {
	for name, a := range map[string]*account{"over the limit": newAccount(), "verified": verified()} {
		t.Run(name, func(t *testing.T) {
			a.register("mailed")
			a.register("codeless")
			c := a.sent[len(a.sent)-1]
			outcome, _ := a.verify("codeless", a.secret.Code(ada, "codeless", c.Nonce))
			wantResult(t, outcome, user.CodeInvalid)
			outcome, _ = a.follow("codeless", a.secret.LinkToken(ada, "codeless", c.Nonce))
			wantResult(t, outcome, user.CodeInvalid)
			empty := a.command(user.Verify, "codeless") // of neither kind, as Validate would refuse it
			outcome, _ = a.send(empty)
			wantResult(t, outcome, user.CodeInvalid)
		})
	}
}

func TestVerify_ByLink_IsChargedToNoBudgetAndWorksWithoutTries(t *testing.T) {
	a := newAccount()
	a.register("v1")
	for range 20 {
		outcome, _ := a.follow("v1", "AAAAAAAAAAAAAAAAAAAAAA")
		wantResult(t, outcome, user.CodeInvalid)
	}
	if a.of("v1").Failures != 0 || a.state.Failures != 0 {
		t.Fatal("a wrong token was charged")
	}
	a.guess("v1", 5)
	outcome, _ := a.verify("v1", a.code("v1"))
	wantResult(t, outcome, user.TooManyAttempts)
	outcome, events := a.follow("v1", a.token("v1"))
	wantResult(t, outcome, user.Verified)
	wantEvents(t, events, user.AccountVerified)
}

func TestVerify_CodeAndTokenAreNotInterchangeable(t *testing.T) {
	a := newAccount()
	a.register("v1")
	outcome, _ := a.follow("v1", a.code("v1"))
	wantResult(t, outcome, user.CodeInvalid)
	outcome, _ = a.verify("v1", a.token("v1"))
	wantResult(t, outcome, user.CodeInvalid)
}

func TestSettled_SaysWhatNoAttemptCanChange(t *testing.T) {
	fresh, locked, done := newAccount(), newAccount(), newAccount()
	for _, a := range []*account{fresh, locked, done} {
		a.register("v1")
	}
	locked.guess("v1", 5)
	done.guess("v1", 4)
	done.verify("v1", done.code("v1"))

	for _, c := range []struct {
		name    string
		state   user.State
		id      string
		byToken bool
		want    user.Result
	}{
		{"open", fresh.state, "v1", false, ""},
		{"open, by token", fresh.state, "v1", true, ""},
		{"unknown", fresh.state, "v2", false, ""},
		{"out of tries", locked.state, "v1", false, user.TooManyAttempts},
		{"out of tries, by token", locked.state, "v1", true, ""},
		{"proven", done.state, "v1", false, user.CodeExpired},
		{"proven, by token", done.state, "v1", true, user.CodeExpired},
		{"nothing known", user.State{}, "v1", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := c.state.Settled(c.id, c.byToken, user.DefaultPolicy())
			if got != c.want || ok != (c.want != "") {
				t.Errorf("%q, %t; want %q", got, ok, c.want)
			}
		})
	}
	if got, _ := locked.state.Settled("v1", false, user.Policy{Tries: 1000}); got != "" {
		t.Errorf("with ten tries five are not all, but %q", got)
	}
	locked.policy.Tries = 1000
	locked.guess("v1", 5)
	if got, _ := locked.state.Settled("v1", false, user.Policy{Tries: 1000}); got != user.TooManyAttempts {
		t.Errorf("a setting beyond the bound was believed: %q", got)
	}
}
