package user_test

import (
	"testing"
	"time"

	"countersign/user"
)

const day = 24 * time.Hour

// due says whether a sweep is due, and sees to it that one does what that says.
func (a *account) due(t *testing.T) bool {
	t.Helper()
	due := a.state.Due(a.policy, a.now)
	before := asJSON(a.state)
	if next, _, _ := user.Step(a.state, a.command(user.Sweep, ""), a.now); (asJSON(next) != before) != due {
		t.Errorf("due: %t, but a sweep made %s of %s", due, asJSON(next), before)
	}
	return due
}

func TestSweep_RemovesAnAccountThatNobodyProves(t *testing.T) {
	for _, c := range []struct {
		hours int
		after time.Duration
		want  bool
	}{
		{24, day - 1, false},
		{24, day, true},
		{0, day, true},
		{1, day - 1, false}, // its verification is alive
		{1, day, true},
		{48, 2*day - 1, false},
		{48, 2 * day, true},
		{1000, 7*day - 1, false},
		{1000, 7 * day, true},
	} {
		a := newAccount()
		a.register("v1")
		id := a.state.UserID
		a.policy.UnverifiedHours = c.hours
		a.wait(c.after)
		a.due(t)
		_, events := a.sweep()
		if (len(events) == 1) != c.want {
			t.Errorf("after %v with %d hours: %d events", c.after, c.hours, len(events))
		}
		if !c.want {
			continue
		}
		if e := events[0]; e.Type != user.AccountDeleted || e.UserID != id || e.FirstName != "" {
			t.Errorf("event %s", asJSON(e))
		}
		if s := a.state; s.Status != user.StatusDeleted || s.UserID != "" || len(s.Verifications) != 0 || len(s.Unmatched) != 0 {
			t.Errorf("state %s", asJSON(s))
		}
	}
}

func TestSweep_WhileAVerificationIsAlive_RemovesNothing(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.wait(23 * time.Hour)
	a.register("v2")
	a.wait(time.Hour)
	a.sweep()
	if a.state.Status != user.StatusPending || a.of("v2").ID == "" || a.of("v1").ID != "" {
		t.Errorf("state %s", asJSON(a.state))
	}
}

func TestSweep_OfAVerifiedAccount_DropsOnlyWhatIsOver(t *testing.T) {
	a := verified()
	a.register("stranger's")
	a.guess("stranger's", 2)
	a.dispute("stranger's", a.disputeToken("stranger's"))
	if a.due(t) {
		t.Error("due at once")
	}
	a.wait(day)
	if !a.due(t) {
		t.Error("not due after a day")
	}
	_, events := a.sweep()
	wantEvents(t, events)
	s := a.state
	if s.Status != user.StatusVerified || s.FirstName == "" || len(s.Verifications) != 1 || len(s.MailSlots) != 0 || !s.NoticedAt.IsZero() || !s.MailStoppedUntil.IsZero() || s.Failures != 2 {
		t.Errorf("state %s", asJSON(s))
	}
	if a.due(t) {
		t.Error("due again at once")
	}
	a.wait(29 * day)
	if !a.due(t) {
		t.Error("failures of 30 days ago are not due")
	}
}

func TestSweep_ARowOfWhichNothingIsLeft_Goes(t *testing.T) {
	for _, c := range []struct {
		name    string
		account func() *account
		after   time.Duration
	}{
		{"registered over the limit", func() *account {
			a := newAccount()
			c := a.command(user.Register, "v1")
			c.FirstName, c.WithholdMail = "Ada", true
			a.send(c)
			return a
		}, day},
		{"asked about only", func() *account { a := newAccount(); a.resend("nowhere"); return a }, day},
		{"erased", func() *account { a := verified(); a.erase(); return a }, 23 * day},
		{"erased, never known", func() *account { a := newAccount(); a.erase(); return a }, 23 * day},
		{"removed", removed, 23 * day},
		{"guessed at before it was removed", func() *account {
			a := newAccount()
			a.register("v1")
			a.wait(23 * time.Hour)
			a.guess("v1", 5) // expired: none of them counts
			a.resend("v1")
			a.guess("v1", 5)
			a.wait(time.Hour)
			a.sweep()
			a.now = a.state.FailedAt
			return a
		}, 30 * day},
		{"locked four times", func() *account {
			a := newAccount()
			a.erase()
			a.state.Failures, a.state.FailedAt = 450, a.now
			return a
		}, 150 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.account()
			gone := a.now.Add(c.after)
			for _, soon := range []time.Duration{c.after / 2, 1} {
				a.now = gone.Add(-soon)
				a.due(t)
				if a.sweep(); a.state.Version == 0 {
					t.Fatalf("gone %v too early", soon)
				}
			}
			a.now = gone
			if !a.due(t) {
				t.Fatal("not due")
			}
			_, events := a.sweep()
			wantEvents(t, events)
			if asJSON(a.state) != asJSON(user.State{}) {
				t.Errorf("left is %s", asJSON(a.state))
			}
			if a.due(t) {
				t.Error("due again")
			}
		})
	}
}

func TestSweep_IsNotRemembered(t *testing.T) {
	a := newAccount()
	a.fail(5)
	a.wait(day)
	o, _ := a.sweep()
	wantResult(t, o, user.Swept)
	if _, ok := a.state.Outcome("", o.CommandID); ok {
		t.Error("it is remembered")
	}
	o, _ = a.sweep() // there is nothing left to do
	if want := (user.Outcome{CommandID: o.CommandID, Type: user.Sweep, Result: user.Swept, At: a.now}); o != want || o.CommandID == "" {
		t.Errorf("outcome %+v, want %+v", o, want)
	}
}

func TestSweep_OfAnAccountThatIsOld_IsDue_ThoughNothingElseIs(t *testing.T) {
	a := newAccount()
	a.policy.UnverifiedHours = 48
	a.register("never proven")
	a.wait(25 * time.Hour)
	a.sweep()
	if a.due(t) || a.state.Status != user.StatusPending {
		t.Errorf("after a day: %s", asJSON(a.state))
	}
	a.wait(23 * time.Hour)
	if !a.due(t) {
		t.Errorf("after two days nothing is due: %s", asJSON(a.state))
	}
}

func TestDue_WithoutLimits_GoesByTheDefaults(t *testing.T) {
	s := user.State{Email: ada, UserID: "u", Status: user.StatusPending, Version: 1, CreatedAt: start, UpdatedAt: start}
	if s.Due(user.Policy{}, start.Add(24*time.Hour-1)) || !s.Due(user.Policy{}, start.Add(24*time.Hour)) {
		t.Error("an account that nobody proves is not due after 24 h")
	}
}

func TestState_Sweep_IsTheSameForTheSameVersion(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.state.Version = 1000
	east := start.In(time.FixedZone("", 3600))
	c := a.state.Sweep(a.policy, east)
	want := user.Command{ID: "5803d5f8-17f1-89df-bdba-22e4ab9ad3da", Type: user.Sweep, Email: ada, IssuedAt: start, Policy: a.policy}
	if asJSON(c) != asJSON(want) {
		t.Errorf("sweep %s, want %s", asJSON(c), asJSON(want))
	}
}

func TestSweep_OfTheErased_LeavesWhatWasAskedBeforeRefused(t *testing.T) {
	a := newAccount()
	a.register("v1")
	before := a.sent[0]
	before.FirstRecorded = a.now
	a.wait(1)
	a.erase()
	a.wait(user.ErasedKept - 1)
	a.sweep()
	o, events := a.send(before)
	wantResult(t, o, user.Refused)
	wantEvents(t, events)
}
