package user_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/user"
)

// registerAt registers at each time after the start and returns which of them were mailed.
func registerAt(a *account, times ...time.Duration) (mailed []bool) {
	for _, d := range times {
		a.now = start.Add(d)
		_, events := a.register(fmt.Sprint("at ", d))
		mailed = append(mailed, len(events) > 0)
	}
	return mailed
}

func TestMailSlots_AreGivenOutWithinTheLimits(t *testing.T) {
	day := 24 * time.Hour
	every := func(d time.Duration, n int) (times []time.Duration) {
		for i := range n {
			times = append(times, time.Duration(i)*d)
		}
		return times
	}
	for _, c := range []struct {
		name   string
		policy user.Policy
		before []time.Duration // all of them mailed
		at     time.Duration
		want   bool
	}{
		{"just under a minute", user.Policy{}, every(0, 1), time.Minute - 1, false},
		{"exactly a minute", user.Policy{}, every(0, 1), time.Minute, true},
		{"the fifth in an hour", user.Policy{}, every(time.Minute, 4), 4 * time.Minute, true},
		{"the sixth in an hour", user.Policy{}, every(time.Minute, 5), time.Hour - 1, false},
		{"an hour after the first", user.Policy{}, every(time.Minute, 5), time.Hour, true},
		{"the tenth in a day", user.Policy{}, every(time.Hour, 9), 9 * time.Hour, true},
		{"the eleventh in a day", user.Policy{}, every(time.Hour, 10), day - 1, false},
		{"a day after the first", user.Policy{}, every(time.Hour, 10), day, true},
		{"another interval", user.Policy{MailIntervalSeconds: 90}, every(0, 1), 90*time.Second - 1, false},
		{"another interval's end", user.Policy{MailIntervalSeconds: 90}, every(0, 1), 90 * time.Second, true},
		{"an interval over the bound", user.Policy{MailIntervalSeconds: 1 << 40}, every(0, 1), time.Hour, true},
		{"an interval at the bound", user.Policy{MailIntervalSeconds: 1 << 40}, every(0, 1), time.Hour - 1, false},
		{"one an hour", user.Policy{MailsPerHour: 1}, every(0, 1), time.Hour - 1, false},
		{"the twentieth in an hour", user.Policy{MailsPerHour: 1000, MailsPerDay: 50}, every(time.Minute, 19), 19 * time.Minute, true},
		{"the twenty-first in an hour", user.Policy{MailsPerHour: 1000, MailsPerDay: 50}, every(time.Minute, 20), 20 * time.Minute, false},
		{"the fiftieth in a day", user.Policy{MailsPerHour: 20, MailsPerDay: 1000}, every(10*time.Minute, 49), 490 * time.Minute, true},
		{"the fifty-first in a day", user.Policy{MailsPerHour: 20, MailsPerDay: 1000}, every(10*time.Minute, 50), 500 * time.Minute, false},
		{"below nothing is the default", user.Policy{MailIntervalSeconds: -1, MailsPerHour: -1, MailsPerDay: -1}, every(time.Minute, 5), 5 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAccount()
			a.policy = c.policy
			for i, ok := range registerAt(a, c.before...) {
				if !ok {
					t.Fatalf("no mail %d", i+1)
				}
			}
			if got := registerAt(a, c.at)[0]; got != c.want {
				t.Errorf("mailed: %t", got)
			}
		})
	}
}

func TestMailSlots_ARegistrationAndAResendShareThem(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.wait(time.Minute)
	_, events := a.resend("v1")
	wantEvents(t, events, user.CodeRequested)
	a.wait(time.Minute - 1)
	_, events = a.register("v2")
	wantEvents(t, events)
	_, events = a.resend("v1")
	wantEvents(t, events)
	a.wait(1)
	_, events = a.resend("v1")
	wantEvents(t, events, user.CodeRequested)
}

func TestMailSlots_OneClientCausesThreeADay_AndOthersTheRest(t *testing.T) {
	a := newAccount()
	by := func(client string) bool {
		a.wait(15 * time.Minute)
		c := a.command(user.Register, fmt.Sprint("v", len(a.sent)))
		c.FirstName, c.Client = "Ada", client
		_, events := a.send(c)
		return len(events) > 0
	}
	for i, c := range []struct {
		client string
		want   bool
	}{{"x", true}, {"x", true}, {"y", true}, {"x", true}, {"x", false}, {"y", true}, {"", true}, {"", true}, {"", true}, {"", true}, {"z", true}, {"z", false}} {
		if got := by(c.client); got != c.want {
			t.Errorf("mail %d, by %q: %t", i+1, c.client, got)
		}
	}
	a.wait(24 * time.Hour)
	if !by("x") {
		t.Error("a day later the client still has no share")
	}
}

func TestMailSlots_TheSharesSizeIsASetting(t *testing.T) {
	a := newAccount()
	a.policy.MailsPerClient = 1
	for i, want := range []bool{true, false} {
		a.wait(time.Hour)
		c := a.command(user.Resend, "v1")
		if i == 0 {
			c = a.command(user.Register, "v1")
		}
		c.FirstName, c.Client = "Ada", "x"
		if _, events := a.send(c); (len(events) > 0) != want {
			t.Errorf("mail %d: %t", i+1, !want)
		}
	}
}

func TestMailSlots_WithheldByTheAPI_AreNotGivenOut_AndLookTheSame(t *testing.T) {
	a := newAccount()
	c := a.command(user.Register, "v1")
	c.FirstName, c.WithholdMail = "Ada", true
	outcome, events := a.send(c)
	wantResult(t, outcome, user.Accepted)
	wantEvents(t, events)
	if v := a.of("v1"); v.Slot || v.AnswerDigest != nil || len(a.state.MailSlots) != 0 || v.Status != user.VerificationOpen {
		t.Errorf("state %s", asJSON(a.state))
	}
	_, events = a.resend("v1") // not withheld
	wantEvents(t, events, user.AccountCreated)
}

func TestMailSlots_OfAnOldRow_AreForgotten(t *testing.T) {
	var s user.State
	if err := json.Unmarshal([]byte(`{"email":"ada@example.com","version":1,"updated_at":"2026-01-02T03:04:05Z","mails":["2026-01-02T03:04:05Z"]}`), &s); err != nil || len(s.MailSlots) != 0 {
		t.Errorf("slots %v, %v", s.MailSlots, err)
	}
}

func TestMailSlots_OfAPast_AreForgotten(t *testing.T) {
	a := newAccount()
	registerAt(a, 0, time.Minute, 24*time.Hour)
	if n := len(a.state.MailSlots); n != 2 {
		t.Errorf("%d slots are held, want those of the last day", n)
	}
}

func TestNotice_GoesToAVerifiedAddressOnceADay(t *testing.T) {
	a := verified()
	_, events := a.register("v2")
	wantEvents(t, events, user.RegistrationRepeated)
	a.wait(24*time.Hour - 1)
	_, events = a.register("v3")
	wantEvents(t, events)
	if !a.of("v3").Slot {
		t.Error("without a notice no slot was taken: the limits tell of the account")
	}
	a.wait(1 + time.Minute)
	_, events = a.register("v4")
	wantEvents(t, events, user.RegistrationRepeated)
}

func TestNotice_IsDueAgainAfterExactlyADay(t *testing.T) {
	a := verified()
	a.register("v2")
	a.wait(24 * time.Hour)
	_, events := a.register("v3")
	wantEvents(t, events, user.RegistrationRepeated)
}

// Whoever does not know the code sees the same of a new address, of a verified one, of one whose mail is stopped, of one
// whose digits are locked and of one that was removed.
func TestOutcomes_WhateverTheAccountsState_AreTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := map[string]*account{"new": newAccount(), "verified": verified(), "stopped": stopped(), "locked": locked(), "removed": removed()}
		for _, a := range all {
			a.now = start.AddDate(0, 0, 30)
			switch {
			case !a.state.LockedUntil.IsZero():
				a.state.LockedUntil = a.now.AddDate(0, 0, 30)
			case !a.state.MailStoppedUntil.IsZero():
				a.state.MailStoppedUntil = a.now.AddDate(0, 0, 30)
			}
		}
		ids := []string{"none"}
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			wait := rapid.SampledFrom(waits).Draw(t, "wait")
			id := rapid.SampledFrom(ids).Draw(t, "verification")
			kind := rapid.SampledFrom([]user.CommandType{user.Register, user.Verify, user.Resend}).Draw(t, "command")
			byToken := rapid.Bool().Draw(t, "by token")
			if kind == user.Register {
				id = fmt.Sprint("v", len(ids))
				ids = append(ids, id)
			}
			seen := map[string]string{}
			for name, a := range all {
				a.wait(wait)
				var o user.Outcome
				switch {
				case kind == user.Register:
					o, _ = a.register(id)
				case kind == user.Resend:
					o, _ = a.resend(id)
				case byToken:
					o, _ = a.follow(id, "wrong!")
				default:
					o, _ = a.verify(id, "wrong!")
				}
				v := a.of(id)
				settled, _ := a.state.Settled(id, byToken, a.policy)
				seen[name] = fmt.Sprint(o.Type, o.Result, o.AttemptsRemaining, o.At, v.Status, v.OpenedAt, v.ExpiresAt, v.Slot, v.Failures, settled)
			}
			for name, s := range seen {
				if s != seen["new"] {
					t.Fatalf("new %s\n%s %s", seen["new"], name, s)
				}
			}
		}
	})
}

// waits are the times at which a rule turns, and around them.
var waits = []time.Duration{
	0, 1, time.Second, time.Minute - 1, time.Minute, 7 * time.Minute, 7*time.Minute + 1, 10*time.Minute - 1, 10 * time.Minute,
	time.Hour, 24*time.Hour - 1, 24 * time.Hour,
}
