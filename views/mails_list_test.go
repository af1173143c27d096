package views_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/topics"
	"countersign/views"
)

func TestMails_AreFoundByID_AndListedNewestFirst_FromAnyOfThem(t *testing.T) {
	cluster, emitter := kafka(t, topics.MailDeliveries, 3)
	tell := func(id, email, state string, at time.Time) {
		t.Helper()
		d := topics.MailDelivery{MailID: id, Email: email, State: state, OccurredAt: at, By: "outbox"}
		notified(t, emitter, topics.MailDeliveries, email, d)
	}
	begin := time.Now().Add(-time.Hour)
	tell("old", "person0@example.com", "sent", begin.AddDate(0, 0, -8))
	var newestFirst []string
	for n := range 20 {
		id := fmt.Sprintf("mail%02d", n)
		tell(id, fmt.Sprintf("person%d@example.com", n%7), "queued", begin.Add(time.Duration(n)*time.Minute))
		newestFirst = slices.Insert(newestFirst, 0, id)
	}
	tell("mail03", "person3@example.com", "failed", begin.Add(time.Hour)) // keeps its place
	v, err := views.NewMails(cluster)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, v.Run, func() bool { return v.Health().Ready })

	list := func(after string) (ids []string) {
		for m, err := range v.List(after) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, m.MailID)
		}
		return ids
	}
	if got := list(""); !slices.Equal(got, newestFirst) {
		t.Errorf("listed are %v", got)
	}
	if got := list("mail03"); !slices.Equal(got, newestFirst[17:]) {
		t.Errorf("after mail03: %v", got)
	}
	if got := list("unknown"); got != nil {
		t.Errorf("after an unknown one: %v", got)
	}
	if m, found, err := v.Get("mail03"); err != nil || !found || m.State != "failed" || m.Email != "person3@example.com" {
		t.Errorf("mail03 is %+v, %v, %v", m, found, err)
	}
	for _, id := range []string{"mail0", "mail033", "old", ""} {
		if m, found, err := v.Get(id); err != nil || found {
			t.Errorf("%q: %+v, %v", id, m, err)
		}
	}
	for n := range 7 { // the index is no row of anybody's
		if mails, err := v.Of(fmt.Sprintf("person%d@example.com", n)); err != nil || len(mails) < 2 || len(mails) > 3 {
			t.Errorf("person%d: %+v, %v", n, mails, err)
		}
	}
}
