package user_test

import (
	"fmt"
	"testing"
	"time"

	"countersign/user"
)

func TestCode_ExpiresAfterItsTime(t *testing.T) {
	for _, c := range []struct {
		ttl   int
		after time.Duration
		want  user.Result
	}{
		{0, 10*time.Minute - 1, user.Verified},
		{0, 10 * time.Minute, user.CodeExpired},
		{-1, 10 * time.Minute, user.CodeExpired},
		{600, 10*time.Minute - 1, user.Verified},
		{601, 10 * time.Minute, user.CodeExpired}, // ten minutes are the most
		{86400, 10 * time.Minute, user.CodeExpired},
		{1, 2*time.Minute - 1, user.Verified}, // two minutes are the least
		{1, 2 * time.Minute, user.CodeExpired},
	} {
		t.Run(fmt.Sprint(c.ttl, " ", c.after), func(t *testing.T) {
			for _, attempt := range []func(*account) (user.Outcome, []user.Event){
				func(a *account) (user.Outcome, []user.Event) { return a.verify("v1", a.code("v1")) },
				func(a *account) (user.Outcome, []user.Event) { return a.follow("v1", a.token("v1")) },
			} {
				a := newAccount()
				a.policy.CodeTTLSeconds = c.ttl
				a.register("v1")
				a.wait(c.after)
				outcome, _ := attempt(a)
				wantResult(t, outcome, c.want)
			}
		})
	}
}

func TestCode_AWrongGuessAfterItsTime_IsExpiredAndNotCounted(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.register("codeless")
	a.wait(10*time.Minute - 1)
	wantResult(t, a.guess("v1", 1), user.CodeInvalid)
	wantResult(t, a.guess("codeless", 1), user.CodeInvalid)
	a.wait(1)
	wantResult(t, a.guess("v1", 1), user.CodeExpired)
	wantResult(t, a.guess("codeless", 1), user.CodeExpired)
	if n := a.of("v1").Failures; n != 1 {
		t.Errorf("%d failures", n)
	}
}

func TestVerification_IsGoneAfterADay(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.wait(24*time.Hour - 1)
	a.guess("nowhere", 1)
	if a.state.Verification("v1") == nil {
		t.Fatal("gone before a day is over")
	}
	a.wait(1)
	a.guess("nowhere", 1)
	if a.state.Verification("v1") != nil {
		t.Error("still there after a day")
	}
	outcome, events := a.resend("v1")
	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events)
	if a.state.Status != user.StatusPending {
		t.Errorf("the account is %q", a.state.Status)
	}
}

func TestVerification_ThatWasProven_Stays(t *testing.T) {
	a := newAccount()
	a.register("closed")
	a.wait(time.Minute)
	a.register("proven")
	a.verify("proven", a.code("proven"))
	a.wait(365 * 24 * time.Hour)
	a.guess("nowhere", 1)
	if a.state.Verification("proven") == nil || a.state.Verification("closed") != nil {
		t.Errorf("verifications %s", asJSON(a.state.Verifications))
	}
}

func TestVerifications_WithoutASlot_AreThirtyTwoARowAtMost(t *testing.T) {
	a := newAccount()
	a.register("mailed")
	for i := range 32 {
		a.register(fmt.Sprint("v", i))
	}
	if len(a.state.Verifications) != 33 {
		t.Fatalf("%d verifications, want all 33", len(a.state.Verifications))
	}
	a.register("v32")
	for _, c := range []struct {
		id    string
		there bool
	}{{"mailed", true}, {"v0", false}, {"v1", true}, {"v32", true}} {
		if (a.state.Verification(c.id) != nil) != c.there {
			t.Errorf("%s is there: %t", c.id, !c.there)
		}
	}
	wantResult(t, a.guess("v0", 1), user.CodeExpired)
	wantResult(t, a.guess("v1", 1), user.CodeInvalid)
}
