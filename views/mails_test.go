package views

import (
	"testing"
	"time"

	"countersign/topics"
)

func change(id, state string, at time.Time) topics.MailDelivery {
	return topics.MailDelivery{MailID: id, State: state, OccurredAt: at}
}

func TestMails_MergeByID_TheLastChangeCounts(t *testing.T) {
	now := time.Now()
	var row []Mail
	for _, d := range []topics.MailDelivery{
		change("a", "queued", now), change("b", "queued", now.Add(time.Second)),
		change("a", "retrying", now.Add(2*time.Second)), change("a", "sent", now.Add(3*time.Second)),
	} {
		row = merged(row, d)
	}
	if len(row) != 2 || row[0].State != "sent" || row[1].State != "queued" {
		t.Fatalf("row is %+v", row)
	}
	if !row[0].QueuedAt.Equal(now) || !row[0].OccurredAt.Equal(now.Add(3*time.Second)) {
		t.Errorf("queued at %v, changed at %v", row[0].QueuedAt, row[0].OccurredAt)
	}
}

func TestMails_WhatIsDone_StaysDone_UnlessTheRelayTookIt(t *testing.T) {
	now := time.Now()
	for _, c := range []struct{ first, then, want string }{
		{"sent", "superseded", "sent"},
		{"failed", "retrying", "failed"},
		{"expired", "queued", "expired"},
		{"superseded", "sent", "sent"},
		{"expired", "sent", "sent"},
		{"uncertain", "sent", "sent"},
		{"retrying", "expired", "expired"},
	} {
		row := merged(merged(nil, change("a", c.first, now)), change("a", c.then, now))
		if row[0].State != c.want {
			t.Errorf("%s, then %s is shown as %s, want %s", c.first, c.then, row[0].State, c.want)
		}
	}
}

func TestMails_OlderThanSevenDays_AreDropped(t *testing.T) {
	now := time.Now()
	row := merged(nil, change("old", "sent", now.Add(-mailsKept-time.Second)))
	row = merged(row, change("week", "sent", now.Add(-mailsKept)))
	row = merged(row, change("new", "queued", now))
	if len(row) != 2 || row[0].MailID != "week" || row[1].MailID != "new" {
		t.Errorf("row is %+v", row)
	}
}

func TestMails_TheSameChangeAgain_ChangesNothing(t *testing.T) {
	d := change("a", "queued", time.Now())
	once := merged(nil, d)
	twice := merged(merged(nil, d), d)
	if len(twice) != 1 || twice[0] != once[0] {
		t.Errorf("twice is %+v, once %+v", twice, once)
	}
}

func TestMails_WhatIsAskedForAgain_IsNotDoneAnyMore(t *testing.T) {
	now := time.Now()
	again := change("a", "queued", now)
	again.By = "outbox"
	row := merged(merged(nil, change("a", "failed", now)), again)
	if row[0].State != "queued" {
		t.Errorf("it is shown as %s", row[0].State)
	}
	if row = merged(merged(nil, change("a", "sent", now)), again); row[0].State != "sent" {
		t.Errorf("one that was sent is shown as %s", row[0].State)
	}
}

func TestMails_WhatTheOutboxDecides_LeavesTheMessageID(t *testing.T) {
	now := time.Now()
	tried, decided := change("a", "uncertain", now), change("a", "uncertain", now.Add(time.Second))
	tried.By, tried.MessageID, decided.By = "sender", "a@example.com", "outbox"
	if row := merged(merged(nil, tried), decided); row[0].MessageID != "a@example.com" || !row[0].OccurredAt.Equal(decided.OccurredAt) {
		t.Errorf("it is shown as %+v", row[0])
	}
}
