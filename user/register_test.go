package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

func TestRegister_OfANewAddress_CreatesAPendingAccount(t *testing.T) {
	a := newAccount()
	outcome, events := a.register("v1")

	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events, user.AccountCreated)
	want := user.Event{
		Type: user.AccountCreated, ID: "c5b8d132-bf2a-8aed-8ee0-7d84bd236ddb", OccurredAt: start, Sequence: 1,
		UserID: "37b4e817-9741-8795-819e-b51ba11c72ba", Email: ada, FirstName: "Ada of vb", LastName: "Lovelace", Locale: "en",
		Verification: &user.CodeRef{
			ID: "v1", Nonce: a.sent[0].Nonce, SecretID: "s1", OpenedAt: start, ExpiresAt: start.Add(10 * time.Minute),
		},
	}
	if asJSON(events[0]) != asJSON(want) {
		t.Errorf("event %s\nwant  %s", asJSON(events[0]), asJSON(want))
	}
	s := a.state
	if s.Status != user.StatusPending || s.UserID != want.UserID || s.Email != ada || !s.CreatedAt.Equal(start) || s.Version != 1 {
		t.Errorf("state %s", asJSON(s))
	}
	if s.FirstName != "" {
		t.Error("the account has a name before it was proven")
	}
}

func TestRegister_OfAPendingAccount_OpensAVerificationOfItsOwn(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 2)
	a.wait(time.Hour)
	_, events := a.register("v2")

	wantEvents(t, events, user.CodeRequested)
	v1, v2 := a.of("v1"), a.of("v2")
	if v1.FirstName != "Ada of vb" || v2.FirstName != "Ada of vc" {
		t.Errorf("names %q and %q", v1.FirstName, v2.FirstName)
	}
	if v1.Failures != 2 || v2.Failures != 0 {
		t.Errorf("failures %d and %d", v1.Failures, v2.Failures)
	}
	if a.code("v1") == a.code("v2") {
		t.Error("both have the same code")
	}
	if !a.state.CreatedAt.Equal(start) {
		t.Error("the account was created again")
	}
	if id := events[0].UserID; id != a.state.UserID || events[0].Verification.ID != "v2" {
		t.Errorf("event %s", asJSON(events[0]))
	}
}

func TestRegister_WithoutASlot_HoldsNoCodeButLooksTheSame(t *testing.T) {
	a := newAccount()
	first, _ := a.register("v1")
	outcome, events := a.register("v2")

	wantEvents(t, events)
	if outcome.Result != first.Result || outcome.AttemptsRemaining != first.AttemptsRemaining {
		t.Errorf("outcome %+v, want one like %+v", outcome, first)
	}
	v := a.of("v2")
	if v.Slot || v.Nonce != nil || v.AnswerDigest != nil || v.LinkDigest != nil {
		t.Errorf("a code without a mail: %s", asJSON(v))
	}
	if v.Status != user.VerificationOpen || !v.ExpiresAt.Equal(a.of("v1").ExpiresAt) {
		t.Errorf("looks different: %s", asJSON(v))
	}
}

func TestRegister_OfAVerifiedAddress_IsToldByMailAndHoldsNoCode(t *testing.T) {
	a := verified()
	a.state.LastName, a.state.Locale = "King", "pt"
	outcome, events := a.register("v2")

	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events, user.RegistrationRepeated)
	v := a.of("v2")
	if !v.Slot || v.AnswerDigest != nil || v.LinkDigest != nil || len(v.DisputeDigests) != 1 {
		t.Errorf("verification %s", asJSON(v))
	}
	if e := events[0]; e.FirstName != "Ada of proven" || e.LastName != "King" || e.Locale != "pt" {
		t.Errorf("the owner is written to as a stranger likes: %s", asJSON(e))
	}
	if ref := events[0].Verification; ref == nil || ref.ID != "v2" || string(ref.Nonce) != string(v.Nonce) {
		t.Errorf("event %s", asJSON(events[0]))
	}
	for _, guess := range []func() (user.Outcome, []user.Event){
		func() (user.Outcome, []user.Event) { return a.verify("v2", a.code("v2")) },
		func() (user.Outcome, []user.Event) { return a.follow("v2", a.token("v2")) },
	} {
		outcome, events := guess()
		wantResult(t, outcome, user.CodeInvalid)
		wantEvents(t, events)
	}
	if a.state.Status != user.StatusVerified || a.state.FirstName != "Ada of proven" {
		t.Errorf("the account changed: %s", asJSON(a.state))
	}
}

func TestRegister_RepeatedWhenItsOutcomeIsForgotten_ChangesNothing(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.register("v2") // no slot, so no event that would keep its outcome
	repeat := a.sent[1]
	a.guess("v2", 16)
	a.wait(time.Minute)
	if _, ok := a.state.Outcome("v2", repeat.ID); ok {
		t.Fatal("the outcome is still remembered")
	}
	outcome, events := a.send(repeat)

	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events)
	if n := len(a.state.Verifications); n != 2 {
		t.Errorf("%d verifications", n)
	}
	if v := a.of("v2"); v.Failures != 5 || v.AnswerDigest != nil {
		t.Errorf("verification %s", asJSON(v))
	}
	if n := len(a.state.MailSlots); n != 1 {
		t.Errorf("%d mail slots taken", n)
	}
}
