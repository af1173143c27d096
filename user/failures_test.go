package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

func TestFailures_OfAnAccount_GoOnOverItsVerificationsUntilOneIsProven(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 3)
	a.wait(time.Minute)
	a.register("v2")
	a.guess("v2", 2)
	a.wait(25 * time.Hour)
	a.register("v3")
	a.guess("v3", 1)
	if a.state.Failures != 6 {
		t.Errorf("%d failures, want 6", a.state.Failures)
	}
	a.verify("v3", a.code("v3"))
	if a.state.Failures != 0 || !a.state.FailedAt.IsZero() {
		t.Errorf("%d failures after the proof", a.state.Failures)
	}
}

func TestFailures_AtAHundredInARow_LockTheDigitsForLongerEachTime(t *testing.T) {
	a := newAccount()
	for i, days := range []int{1, 2, 4, 8, 16, 30, 30, 30} {
		a.fail(99)
		if !a.state.LockedUntil.IsZero() {
			t.Fatalf("locked after %d failures", a.state.Failures)
		}
		a.register("last")
		a.guess("last", 1)
		if want := a.now.AddDate(0, 0, days); !a.state.LockedUntil.Equal(want) {
			t.Fatalf("lock %d ends at %v, want %v", i+1, a.state.LockedUntil, want)
		}
		a.wait(time.Duration(days) * 24 * time.Hour)
	}
}

func TestFailures_WhileTheDigitsAreLocked_TheLinkWorks(t *testing.T) {
	a := locked()
	a.wait(time.Hour)
	_, events := a.register("v1")
	wantEvents(t, events, user.CodeRequested)
	if !events[0].Verification.LinkOnly {
		t.Error("the mail has a code")
	}
	for left := 4; left >= 0; left-- {
		o, events := a.verify("v1", a.code("v1"))
		if o.Result != user.CodeInvalid || o.AttemptsRemaining != left || len(events) > 0 {
			t.Fatalf("the right code was answered %+v, want %d left", o, left)
		}
	}
	o, _ := a.verify("v1", a.code("v1"))
	wantResult(t, o, user.TooManyAttempts)
	if a.state.Failures != 100 {
		t.Errorf("%d failures: those during a lock count for the account", a.state.Failures)
	}
	o, events = a.follow("v1", a.token("v1"))
	wantResult(t, o, user.Verified)
	wantEvents(t, events, user.AccountVerified)
	if a.state.Failures != 0 || !a.state.LockedUntil.IsZero() {
		t.Errorf("after the proof there is %s", asJSON(a.state))
	}
}

func TestFailures_WhenTheLockEnds_TheDigitsWorkAgain(t *testing.T) {
	for before, want := range map[time.Duration]user.Result{1: user.CodeInvalid, 0: user.Verified} {
		a := locked()
		a.now = a.state.LockedUntil.Add(-time.Minute)
		a.register("v1")
		a.now = a.state.LockedUntil.Add(-before)
		o, _ := a.verify("v1", a.code("v1"))
		wantResult(t, o, want)
		if before == 0 {
			continue
		}
		a.wait(2 * time.Minute)
		_, events := a.resend("v1")
		wantEvents(t, events, user.CodeRequested)
		if events[0].Verification.LinkOnly {
			t.Error("after the lock the mail has no code")
		}
	}
}

func TestFailures_ThirtyDaysAfterTheLast_TakeALockOffTheCount(t *testing.T) {
	for _, c := range []struct{ failures, days, want int }{
		{1, 30, 0}, {99, 29, 99}, {99, 30, 0}, {250, 29, 250}, {250, 30, 150}, {250, 59, 150}, {250, 60, 50}, {250, 89, 50}, {250, 90, 0},
	} {
		a := newAccount()
		a.state = user.State{Email: ada, Version: 1, UpdatedAt: a.now, Failures: c.failures, FailedAt: a.now}
		a.wait(time.Duration(c.days) * 24 * time.Hour)
		a.register("v1")
		if a.state.Failures != c.want || a.state.FailedAt.IsZero() != (c.want == 0) {
			t.Errorf("%d of %d failures after %d days, the last at %v, want %d", a.state.Failures, c.failures, c.days, a.state.FailedAt, c.want)
		}
	}
}

func TestFailures_BeforeTheLock_AreASettingOfAtMostAHundred(t *testing.T) {
	for setting, want := range map[int]int{0: 100, 1: 10, 10: 10, 50: 50, 1000: 100} {
		a := newAccount()
		a.policy.FailuresBeforeLock = setting
		a.fail(want - 1)
		if !a.state.LockedUntil.IsZero() {
			t.Errorf("with %d set it is locked after %d", setting, want-1)
		}
		a.fail(1)
		if a.state.LockedUntil.IsZero() {
			t.Errorf("with %d set it is not locked after %d", setting, want)
		}
	}
}

func TestFailures_SurviveErasureAndRemoval(t *testing.T) {
	for name, gone := range map[string]func(*account){
		"erased":  func(a *account) { a.erase() },
		"removed": func(a *account) { a.state.LockedUntil = a.now.AddDate(0, 0, 9); a.wait(25 * time.Hour); a.sweep() },
	} {
		a := locked()
		gone(a)
		if s := a.state; s.Status != user.StatusDeleted || s.Failures != 100 || s.FailedAt.IsZero() || s.LockedUntil.IsZero() {
			t.Errorf("%s: %s", name, asJSON(s))
		}
	}
}
