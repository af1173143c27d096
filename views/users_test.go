package views_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"countersign/topics"
	"countersign/user"
	"countersign/views"
)

// table makes a users table, and a view of it.
func table(t *testing.T) (*views.Users, func(user.State)) {
	t.Helper()
	cluster, emitter := kafka(t, topics.UserTable, 3)
	view, err := views.NewUsers(cluster)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, view.Run, func() bool { return view.Health().Ready })
	return view, func(s user.State) {
		t.Helper()
		row, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := emitter.Emit(t.Context(), topics.UserTable, s.Email, row, nil); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	email        = "ada@example.com"
	verification = "v1"
)

func stateWith(commandID string) user.State {
	return user.State{Email: email, Version: 1, Verifications: []user.Verification{{
		ID: verification, Outcomes: []user.Outcome{{CommandID: commandID, Result: user.Verified}},
	}}}
}

func TestAwait_ReturnsAsSoonAsTheOutcomeIsThere(t *testing.T) {
	view, write := table(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	type answer struct {
		outcome user.Outcome
		err     error
	}
	got := make(chan answer, 1)
	go func() {
		_, outcome, err := view.Await(ctx, email, verification, "c2")
		got <- answer{outcome, err}
	}()
	write(stateWith("c1")) // another command's: no answer yet
	write(stateWith("c2"))
	if a := <-got; a.err != nil || a.outcome.Result != user.Verified {
		t.Fatalf("outcome %+v, %v", a.outcome, a.err)
	}
	if _, outcome, err := view.Await(ctx, email, verification, "c2"); err != nil || outcome.CommandID != "c2" {
		t.Errorf("what is there already: %+v, %v", outcome, err)
	}
}

func TestAwait_WithoutAnOutcome_EndsWithItsContext(t *testing.T) {
	view, _ := table(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := view.Await(ctx, email, verification, "c"); err != context.DeadlineExceeded {
		t.Errorf("error is %v", err)
	}
}

func TestUsers_ShowTheRowAndWhereItWasWritten(t *testing.T) {
	view, write := table(t)
	if _, found, err := view.Get(email); found || err != nil {
		t.Fatalf("before: found %v, %v", found, err)
	}
	write(stateWith("c0"))
	write(stateWith("c1"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := view.Await(ctx, email, verification, "c1"); err != nil {
		t.Fatal(err)
	}
	state, partition, offset, found, err := view.Locate(email)
	if err != nil || !found || state.Email != email {
		t.Fatalf("state %+v, %v, %v", state, found, err)
	}
	if want := topics.Partition(email, 3); partition != want || offset != 1 {
		t.Errorf("at %d/%d, want %d/1", partition, offset, want)
	}
}
