package user_test

import (
	"strings"
	"testing"
	"time"

	"countersign/user"
)

func TestErase_LeavesNothingPersonal_AndTellsWhoIsGone(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 2)
	id := a.state.UserID
	a.wait(time.Hour)
	outcome, events := a.erase()
	wantResult(t, outcome, user.Erased)
	wantEvents(t, events, user.AccountDeleted)
	if e := events[0]; e.UserID != id || e.Email != ada || e.FirstName != "" || e.LastName != "" || e.Verification != nil {
		t.Errorf("event %s", asJSON(e))
	}
	if s := a.state; s.Status != user.StatusDeleted || !s.ErasedAt.Equal(a.now) || s.Version != 4 || s.Failures != 2 || len(s.MailSlots) != 1 {
		t.Errorf("state %s", asJSON(s))
	}
	for _, personal := range []string{"Ada", "Lovelace", id, "v1"} {
		if strings.Contains(asJSON(a.state), personal) {
			t.Errorf("%q is left: %s", personal, asJSON(a.state))
		}
	}
}

func TestErase_OfWhomNobodyKnows_HasNoEvent(t *testing.T) {
	a := newAccount()
	outcome, events := a.erase()
	wantResult(t, outcome, user.Erased)
	wantEvents(t, events)
	if a.state.Status != user.StatusDeleted {
		t.Errorf("state %s", asJSON(a.state))
	}
}

func TestErase_Again_HasNoSecondEvent(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.erase()
	outcome, events := a.send(a.sent[1]) // the same command
	wantResult(t, outcome, user.Erased)
	wantEvents(t, events)
	_, events = a.erase() // another
	wantEvents(t, events)
}

func TestErase_WhatWasAskedBefore_IsRefused_HoweverLateItComes(t *testing.T) {
	for _, asked := range []user.CommandType{user.Register, user.Resend, user.Verify, user.Erase} {
		a := newAccount()
		a.register("v1")
		before := a.command(asked, "v1")
		before.ID = "before"
		first := a.now
		a.wait(time.Minute)
		a.erase()
		gone := asJSON(a.state)
		a.wait(time.Hour)

		retried := before // a copy that was recorded an hour after the erasure
		retried.FirstRecorded = first
		outcome, events := a.send(retried)
		if want := (user.Outcome{CommandID: "before", Type: asked, Result: user.Refused, At: first.Add(time.Minute)}); outcome != want {
			t.Errorf("outcome %+v, want %+v", outcome, want)
		}
		wantEvents(t, events)

		a.now = first // the record itself, read again
		outcome, events = a.send(before)
		wantResult(t, outcome, user.Refused)
		wantEvents(t, events)
		if asJSON(a.state) != gone {
			t.Errorf("%s changed the state to %s", asked, asJSON(a.state))
		}
	}
}

func TestErase_WhoRegistersLater_BeginsAnew(t *testing.T) {
	a := verified()
	id := a.state.UserID
	a.erase()
	_, events := a.register("v2")
	wantEvents(t, events, user.AccountCreated)
	if a.state.UserID == id || a.state.Status != user.StatusPending || a.state.ErasedAt.IsZero() {
		t.Errorf("state %s", asJSON(a.state))
	}
	outcome, events := a.verify("v2", a.code("v2"))
	wantResult(t, outcome, user.Verified)
	wantEvents(t, events, user.AccountVerified)
}

func TestErase_IsNoWayToMoreMailsOrGuesses(t *testing.T) {
	a := newAccount()
	a.register("v1")
	a.guess("v1", 5)
	a.erase()
	_, events := a.register("v2") // within the minute
	wantEvents(t, events)
	if a.state.Failures != 5 || a.of("v2").Slot {
		t.Errorf("state %s", asJSON(a.state))
	}
}

func TestErase_LeavesTheAddressAndWhatLimitsIt(t *testing.T) {
	a := verified()
	a.register("repeated") // which takes the day's notice
	a.state.Failures, a.state.FailedAt, a.state.LockedUntil = 7, a.now, a.now.Add(time.Hour)
	a.dispute("repeated", a.disputeToken("repeated"))
	a.erase()
	kept := user.State{
		Email: ada, Status: user.StatusDeleted, Version: a.state.Version, UpdatedAt: a.now, ErasedAt: a.now,
		Failures: 7, FailedAt: a.now, LockedUntil: a.now.Add(time.Hour), MailSlots: []user.MailSlot{{At: a.now}}, NoticedAt: a.now,
		MailStoppedUntil: a.now.Add(24 * time.Hour), Unmatched: a.state.Unmatched,
	}
	if asJSON(a.state) != asJSON(kept) || len(kept.Unmatched) != 1 {
		t.Errorf("left is\n%s\nwant\n%s", asJSON(a.state), asJSON(kept))
	}
}
