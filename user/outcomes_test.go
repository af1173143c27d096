package user_test

import (
	"fmt"
	"testing"
	"time"

	"countersign/user"
)

func TestStep_OnARepeat_GivesTheSameOutcomeAndChangesNothing(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.verify("v1", "wrong!")
	a.wait(time.Minute)
	a.resend("v1")
	a.verify("v1", a.code("v1"))
	a.verify("nowhere", "123456")
	a.wait(time.Hour)

	want := asJSON(a.state)
	results := []user.Result{user.Accepted, user.CodeInvalid, user.Accepted, user.Verified, user.CodeExpired}
	for i, c := range a.sent[:5] {
		first, ok := a.state.Outcome(c.VerificationID, c.ID)
		if !ok || first.Result != results[i] || first.Type != c.Type {
			t.Fatalf("command %d has the outcome %+v", i, first)
		}
		again := c // what is random and what is asked by it differ, the id decides
		again.Nonce, again.Answer = []byte("another"), nil
		outcome, events := a.send(again)
		if outcome != first {
			t.Errorf("outcome %+v, want %+v", outcome, first)
		}
		wantEvents(t, events)
		if asJSON(a.state) != want {
			t.Fatalf("command %d changed the state when repeated", i)
		}
	}
}

func TestOutcome_SaysWhichEventTheCommandCaused(t *testing.T) {
	a := newAccount()
	created, _ := a.register("v1")
	limited, _ := a.register("v2")
	wrong := a.guess("v1", 1)
	proven, _ := a.verify("v1", a.code("v1"))
	for _, c := range []struct{ got, want user.EventType }{
		{created.Event, user.AccountCreated}, {limited.Event, ""}, {wrong.Event, ""}, {proven.Event, user.AccountVerified},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestOutcomes_TheLastSixteenWithoutAnEventAreRemembered(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 16)
	first := a.sent[1]
	if o, ok := a.state.Outcome("v1", first.ID); !ok || o.Result != user.CodeInvalid {
		t.Fatalf("outcome %+v of the sixteenth last is forgotten", o)
	}
	a.guess("v1", 1)
	if _, ok := a.state.Outcome("v1", first.ID); ok {
		t.Error("the seventeenth last is remembered")
	}
	if _, ok := a.state.Outcome("v1", a.sent[2].ID); !ok {
		t.Error("the sixteenth last is forgotten")
	}
}

func TestOutcomes_WithAnEventAreAlwaysRemembered(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.wait(time.Minute)
	a.resend("v1")
	a.verify("v1", a.code("v1"))
	a.guess("v1", 40)
	want := asJSON(a.state)
	for i, r := range []user.Result{user.Accepted, user.Accepted, user.Verified} {
		outcome, events := a.send(a.sent[i])
		wantResult(t, outcome, r)
		wantEvents(t, events)
	}
	if asJSON(a.state) != want {
		t.Error("a repeat changed the state")
	}
}

func TestOutcomes_OfOneVerification_AreNotFlushedByAnother(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.register("v2")
	a.guess("v1", 1)
	guess := a.sent[2]
	a.guess("v2", 40)
	a.guess("nowhere", 40)
	if o, ok := a.state.Outcome("v1", guess.ID); !ok || o.Result != user.CodeInvalid {
		t.Errorf("outcome %+v, %t", o, ok)
	}
	if n := len(a.state.Unmatched); n != 16 {
		t.Errorf("%d outcomes of unknown verifications are kept", n)
	}
}

func TestOutcomes_OfAVerificationThatOpensLater_AreStillGiven(t *testing.T) {
	a := newAccount()
	first, _ := a.verify("v1", "123456")
	early := a.sent[0]
	a.register("v1")
	outcome, _ := a.send(early)
	if outcome != first || a.of("v1").Failures != 0 {
		t.Errorf("outcome %+v, want %+v", outcome, first)
	}
}

func TestOutcome_OfAnUnknownCommand_IsNone(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.register("v2")
	for _, id := range []string{"v2", "nowhere"} {
		if o, ok := a.state.Outcome(id, a.sent[0].ID); ok {
			t.Errorf("%s has v1's outcome %+v", id, o)
		}
	}
}

func TestOutcomes_CannotGrowARow(t *testing.T) {
	a := newAccount()
	a.policy = user.MaxPolicy()
	a.policy.MailIntervalSeconds = 1
	for i := range 1000 {
		a.wait(time.Minute)
		id := fmt.Sprint("v", i/10)
		if i%10 == 0 {
			a.register(id)
		} else {
			a.resend(id)
			a.guess(id, 1)
		}
	}
	if n := len(asJSON(a.state)); n > 512<<10 {
		t.Errorf("the row has %d bytes", n)
	}
}

func TestOutcomes_OfNoVerification_AreKeptForADay_AnErasuresAsLongAsItsRow(t *testing.T) {
	for _, c := range []struct {
		wait          time.Duration
		guess, erased bool
	}{{24*time.Hour - 1, true, true}, {24 * time.Hour, false, true}, {user.ErasedKept - 1, false, true}, {user.ErasedKept, false, false}} {
		a := newAccount()
		a.register("v1")
		a.erase()
		erasure := a.sent[len(a.sent)-1].ID
		a.guess("nowhere", 1)
		guess := a.sent[len(a.sent)-1].ID
		a.wait(c.wait)
		a.guess("elsewhere", 1)
		_, guessKept := a.state.Outcome("nowhere", guess)
		_, erasureKept := a.state.Outcome("", erasure)
		if guessKept != c.guess || erasureKept != c.erased {
			t.Errorf("after %v the guess is kept: %t, the erasure: %t", c.wait, guessKept, erasureKept)
		}
	}
}
