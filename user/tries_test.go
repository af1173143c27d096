package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

func TestVerify_AfterFiveWrongGuesses_AnswersTooManyAttempts(t *testing.T) {
	a := newAccount()
	a.register("v1")
	for left := 4; left >= 0; left-- {
		o := a.guess("v1", 1)
		if o.Result != user.CodeInvalid || o.AttemptsRemaining != left {
			t.Fatalf("outcome %+v, want %d left", o, left)
		}
	}
	outcome, events := a.verify("v1", a.code("v1"))
	wantResult(t, outcome, user.TooManyAttempts)
	wantEvents(t, events)
	wantResult(t, a.guess("v1", 1), user.TooManyAttempts)
	if n := a.of("v1").Failures; n != 5 {
		t.Errorf("%d failures", n)
	}
}

func TestVerify_TheFifthGuess_MayStillBeRight(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 4)
	outcome, _ := a.verify("v1", a.code("v1"))
	wantResult(t, outcome, user.Verified)
}

func TestVerify_WithoutTries_StaysLockedWhenTheCodeExpires(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 5)
	a.wait(time.Hour)
	outcome, _ := a.verify("v1", a.code("v1"))
	wantResult(t, outcome, user.TooManyAttempts)
}

func TestTries_AreASettingOfAtMostTen(t *testing.T) {
	for _, c := range []struct{ setting, want int }{{-1, 5}, {0, 5}, {1, 1}, {10, 10}, {11, 10}, {1 << 40, 10}} {
		a := newAccount()
		a.policy.Tries = c.setting
		o, _ := a.register("v1")
		if o.AttemptsRemaining != c.want {
			t.Errorf("%d tries with %d set, want %d", o.AttemptsRemaining, c.setting, c.want)
		}
		wantResult(t, a.guess("v1", c.want), user.CodeInvalid)
		wantResult(t, a.guess("v1", 1), user.TooManyAttempts)
	}
}

func TestTries_WhenTheSettingShrinks_AreNeverFewerThanNone(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 4)
	a.policy.Tries = 2
	o := a.guess("v1", 1)
	if o.Result != user.TooManyAttempts || o.AttemptsRemaining != 0 {
		t.Errorf("outcome %+v", o)
	}
}
