package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

func TestDispute_ClosesTheVerificationAndStopsMailForADay(t *testing.T) {
	a := newAccount()
	a.register("v1")
	code := a.code("v1")
	outcome, events := a.dispute("v1", a.disputeToken("v1"))
	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events)
	outcome, _ = a.verify("v1", code)
	wantResult(t, outcome, user.CodeExpired)

	a.wait(24*time.Hour - 1)
	outcome, events = a.register("v2")
	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events)
	if v := a.of("v2"); !v.Slot || v.AnswerDigest != nil || v.Status != user.VerificationOpen {
		t.Errorf("during the stop there is %s", asJSON(v))
	}
	a.wait(time.Minute)
	_, events = a.resend("v2")
	wantEvents(t, events, user.CodeRequested)
	outcome, _ = a.verify("v2", a.code("v2"))
	wantResult(t, outcome, user.Verified)
}

func TestDispute_OfAWrongToken_HasNoEffectAndTheSameOutcome(t *testing.T) {
	for name, token := range map[string]func(*account) string{
		"wrong":                  func(*account) string { return "wrong!" },
		"the link's":             func(a *account) string { return a.token("v1") },
		"another verification's": func(a *account) string { return a.secret.DisputeToken(ada, "v2", a.of("v1").Nonce) },
		"of a verification not here": func(a *account) string {
			token := a.disputeToken("v1")
			a.wait(24 * time.Hour)
			return token
		},
	} {
		a := newAccount()
		a.register("v1")
		outcome, events := a.dispute("v1", token(a))
		wantResult(t, outcome, user.Accepted)
		wantEvents(t, events)
		if !a.state.MailStoppedUntil.IsZero() || a.of("v1").Status == user.VerificationClosed {
			t.Errorf("%s: %s", name, asJSON(a.state))
		}
	}
}

func TestDispute_IsTakenForADay_WhateverBecameOfTheCode(t *testing.T) {
	a := newAccount()
	a.register("v1")
	first := a.disputeToken("v1")
	a.wait(23 * time.Hour)
	a.resend("v1") // a new code, and with it another token
	if a.disputeToken("v1") == first {
		t.Fatal("no new code")
	}
	a.guess("v1", 5)
	a.dispute("v1", first)
	if a.of("v1").Status != user.VerificationClosed {
		t.Error("the first mail's token is not taken any more")
	}
}

func TestDispute_OfAProvenVerification_ChangesNothingButTheStop(t *testing.T) {
	a := newAccount()
	a.register("v1")
	token := a.disputeToken("v1")
	a.verify("v1", a.code("v1"))
	a.wait(24*time.Hour - 1)
	a.dispute("v1", token)
	if s := a.state; s.Status != user.StatusVerified || a.of("v1").Status != user.VerificationVerified || !s.MailStoppedUntil.Equal(a.now.AddDate(0, 0, 1)) {
		t.Errorf("state %s", asJSON(s))
	}
	until := a.state.MailStoppedUntil
	a.wait(1)
	a.dispute("v1", token)
	if !a.state.MailStoppedUntil.Equal(until) {
		t.Error("the token is taken for longer than a day")
	}
}

func TestDispute_OfTheNotice_ClosesTheStrangersVerificationAndLeavesTheAccountAlone(t *testing.T) {
	a := verified()
	_, events := a.register("v2")
	wantEvents(t, events, user.RegistrationRepeated)
	a.dispute("v2", a.secret.DisputeToken(ada, "v2", events[0].Verification.Nonce))
	if s := a.state; s.Status != user.StatusVerified || a.of("v2").Status != user.VerificationClosed || a.of("proven").Status != user.VerificationVerified {
		t.Errorf("state %s", asJSON(s))
	}
	a.wait(24*time.Hour - 1)
	_, events = a.register("v3")
	wantEvents(t, events)
}

func TestDispute_AProofMeanwhile_IsToldButNotMailed(t *testing.T) {
	a := newAccount()
	a.register("own")
	code := a.code("own")
	a.wait(time.Minute)
	a.register("stranger's")
	a.dispute("stranger's", a.disputeToken("stranger's"))
	outcome, events := a.verify("own", code)
	wantResult(t, outcome, user.Verified)
	wantEvents(t, events, user.AccountVerified)
	if !events[0].NoMail {
		t.Error("the proof is mailed")
	}
}

func TestDispute_TheStop_OutlivesAnErasure(t *testing.T) {
	a := stopped()
	a.erase()
	a.wait(time.Hour)
	_, events := a.register("v2")
	wantEvents(t, events)
	if v := a.of("v2"); !v.Slot || v.AnswerDigest != nil {
		t.Errorf("verification %s", asJSON(v))
	}
}
