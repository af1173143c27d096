package user_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/user"
)

// The best attacker on one chosen address (docs/attacker.md): he sees the whole state, has as many clients as he likes,
// registers and asks again whenever a mail may leave, and guesses whatever can be guessed. What counts is a guess at a live
// code: one that would have proven the address, had it been the right one.
type attacker struct {
	*account
	ids     []string
	guesses int // at live codes
}

// register opens another verification, from a client that has mails left.
func (a *attacker) register() {
	id := fmt.Sprint("v", len(a.sent))
	c := a.command(user.Register, id)
	c.FirstName, c.Client = "Eve", id
	a.send(c)
	if a.of(id).Slot {
		a.ids = append(a.ids, id)
	}
}

// live says whether the right code would prove the address now.
func (a *attacker) live(id string) bool {
	c := a.command(user.Verify, id)
	c.Answer = a.secret.Answer(ada, id, a.code(id))
	_, _, o := user.Step(a.state, c, a.now)
	return o.Result == user.Verified
}

// guess uses up all that can be guessed, but for so many.
func (a *attacker) guess(spare int) {
	alive := a.ids[:0]
	for _, id := range a.ids {
		for ; spare < a.policy.FailuresBeforeLock-a.state.Failures%a.policy.FailuresBeforeLock && a.live(id); a.guesses++ {
			a.verify(id, "wrong!")
		}
		if a.of(id).ID != "" {
			alive = append(alive, id)
		}
	}
	a.ids = alive
}

// waitForMail goes on to when a mail may leave and its code be guessed.
func (a *attacker) waitForMail() {
	next := a.now.Add(24 * time.Hour)
	for _, slot := range a.state.MailSlots {
		for _, d := range []time.Duration{time.Duration(a.policy.MailIntervalSeconds) * time.Second, time.Hour, 24 * time.Hour} {
			if at := slot.At.Add(d); at.After(a.now) && at.Before(next) {
				next = at
			}
		}
	}
	if a.state.LockedUntil.After(next) {
		next = a.state.LockedUntil
	}
	a.now = next
}

const year = 365 * 24 * time.Hour

// mostAYear is the bound that docs/attacker.md derives.
func mostAYear(p user.Policy) int {
	const shortLocks, longLocks = 6, 365 / 30
	return min((shortLocks+longLocks)*p.FailuresBeforeLock, 366*p.MailsPerDay*p.Tries)
}

// These are the figures that docs/attacker.md tells.
func TestAttacker_InAYear_HasSixteenHundredGuesses(t *testing.T) {
	loose, strict := user.MaxPolicy(), user.DefaultPolicy()
	loose.MailIntervalSeconds = user.MinPolicy().MailIntervalSeconds
	strict.FailuresBeforeLock = user.MinPolicy().FailuresBeforeLock
	for _, c := range []struct {
		name          string
		policy        user.Policy
		spare         int // guesses left before each lock; he waits until they are more
		guesses, most int
	}{
		{"default", user.DefaultPolicy(), 0, 1600, 1800},
		{"with restraint", user.DefaultPolicy(), 1, 1188, 1800},
		{"loosest", loose, 0, 1700, 1800},
		{"ten failures", strict, 0, 170, 180},
	} {
		a := &attacker{account: newAccount()}
		a.policy = c.policy
		for a.now.Sub(start) < year {
			a.register()
			a.guess(c.spare)
			a.waitForMail()
			if c.spare > 0 && a.state.Failures%c.policy.FailuresBeforeLock == c.policy.FailuresBeforeLock-c.spare {
				a.wait(30 * 24 * time.Hour)
			}
		}
		if most := mostAYear(c.policy); a.guesses != c.guesses || most != c.most {
			t.Errorf("%s: %d guesses at live codes a year, want %d; at most %d", c.name, a.guesses, c.guesses, most)
		}
	}
}

// Whenever he waits, asks again or leaves tries for later, he has no more.
func TestAttacker_WhateverHeDoes_HasNoMoreThanTheBound(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred years")
	}
	rapid.Check(t, func(t *rapid.T) {
		a := &attacker{account: newAccount()}
		a.policy = boundPolicy(t)
		pauses := []time.Duration{0, 0, 9 * time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour}
		for a.now.Sub(start) < year {
			a.register()
			if len(a.ids) > 0 && rapid.Bool().Draw(t, "again") {
				a.resend(rapid.SampledFrom(a.ids).Draw(t, "verification"))
			}
			a.guess(rapid.IntRange(0, 2).Draw(t, "spare"))
			a.waitForMail()
			a.account.wait(rapid.SampledFrom(pauses).Draw(t, "pause"))
		}
		if most := mostAYear(a.policy); a.guesses > most {
			t.Fatalf("%d guesses at live codes, want at most %d with %+v", a.guesses, most, a.policy)
		}
	})
}
