package views_test

import (
	"fmt"
	"testing"

	"countersign/user"
)

func TestWatch_TellsOfEachChangeInItsOrder(t *testing.T) {
	view, write := table(t)
	changed, done := view.Watch()
	defer done()
	for _, email := range []string{"ada@example.com", "bob@example.com", "ada@example.com"} {
		write(user.State{Email: email, Version: 1})
		if got := <-changed; got != email {
			t.Errorf("told of %s, want %s", got, email)
		}
		if _, found, err := view.Get(email); err != nil || !found {
			t.Errorf("told of %s before it can be read: %v", email, err)
		}
	}
}

func TestWatch_WhoIsTooSlow_IsCutOff_AndHoldsNobodyUp(t *testing.T) {
	view, write := table(t)
	slow, done := view.Watch()
	defer done()
	quick, finished := view.Watch()
	defer finished()
	const changes = 300
	for i := range changes {
		email := fmt.Sprintf("ada%d@example.com", i)
		write(user.State{Email: email, Version: 1})
		if got := <-quick; got != email {
			t.Fatalf("told of %s, want %s", got, email)
		}
	}
	told := 0
	for range slow { // it is closed, or this would not end
		told++
	}
	if told == 0 || told >= changes {
		t.Errorf("the slow one was told of %d changes", told)
	}
}

func TestList_IsOrderedByAddress_AndBeginsAnywhere(t *testing.T) {
	view, write := table(t)
	all := []string{"ada@example.com", "adam@example.com", "bea@example.com", "bob@example.com", "zoe@example.com"}
	changed, done := view.Watch()
	defer done()
	for _, i := range []int{3, 0, 4, 2, 1} { // over all partitions
		write(user.State{Email: all[i], Version: 1})
		<-changed
	}
	for _, test := range []struct {
		prefix, after string
		want          []string
	}{
		{"", "", all},
		{"ada", "", all[:2]},
		{"", "adam@example.com", all[2:]},
		{"", "b", all[2:]}, // a row that is not there is passed as well
		{"b", "bea@example.com", all[3:4]},
		{"b", "zoe@example.com", nil},
		{"c", "", nil},
	} {
		var got []string
		for state, err := range view.List(test.prefix, test.after) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, state.Email)
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("prefix %q after %q: %v, want %v", test.prefix, test.after, got, test.want)
		}
	}
}
