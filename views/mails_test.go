package views

import (
	"testing"
	"time"

	"countersign/topics"
)

// change is what the outbox decided, result what came of an attempt.
func change(id, state string, at time.Time) topics.MailDelivery {
	return topics.MailDelivery{MailID: id, State: state, OccurredAt: at, By: "outbox"}
}

func result(id, state string, attempt int) topics.MailDelivery {
	return topics.MailDelivery{MailID: id, State: state, Attempt: attempt, OccurredAt: time.Now(), By: "sender"}
}

// decision is what the outbox decided after an attempt.
func decision(id, state string, attempt int) topics.MailDelivery {
	d := result(id, state, attempt)
	d.By = "outbox"
	return d
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

func TestMails_ALateOrRepeatedResult_HidesNothingNewer(t *testing.T) {
	queued, retried := decision("a", "queued", 0), decision("a", "queued", 0)
	retried.Retries = 1
	for name, c := range map[string]struct {
		changes []topics.MailDelivery
		want    string
	}{
		"a result":                       {[]topics.MailDelivery{queued, result("a", "failed", 1)}, "failed"},
		"the next one":                   {[]topics.MailDelivery{queued, result("a", "retrying", 1), decision("a", "retrying", 1), result("a", "failed", 2)}, "failed"},
		"a repeat of the one before":     {[]topics.MailDelivery{queued, result("a", "retrying", 1), decision("a", "retrying", 1), result("a", "uncertain", 2), result("a", "retrying", 1)}, "uncertain"},
		"a repeat of a failure, retried": {[]topics.MailDelivery{queued, result("a", "failed", 1), decision("a", "queued", 1), result("a", "failed", 1)}, "queued"},
		"failed before it was retried":   {[]topics.MailDelivery{queued, decision("a", "cancelled", 0), retried, result("a", "failed", 1)}, "queued"},
		"failed again":                   {[]topics.MailDelivery{queued, result("a", "failed", 1), decision("a", "queued", 1), result("a", "failed", 2)}, "failed"},
		"out of time":                    {[]topics.MailDelivery{queued, decision("a", "uncertain", 1), result("a", "expired", 1), decision("a", "uncertain", 1), result("a", "expired", 1)}, "uncertain"},
		"failed when it was called off":  {[]topics.MailDelivery{queued, decision("a", "cancelled", 0), result("a", "failed", 1)}, "cancelled"},
		"sent when it was superseded":    {[]topics.MailDelivery{queued, decision("a", "superseded", 0), result("a", "sent", 1)}, "sent"},
		"sent when it was given up":      {[]topics.MailDelivery{queued, decision("a", "uncertain", 2), result("a", "sent", 2)}, "sent"},
		"sent, then superseded":          {[]topics.MailDelivery{queued, result("a", "sent", 1), decision("a", "superseded", 0)}, "sent"},
		"sent, then retried":             {[]topics.MailDelivery{queued, result("a", "sent", 1), decision("a", "queued", 0)}, "sent"},
	} {
		var row []Mail
		for _, d := range c.changes {
			row = merged(row, d)
		}
		if row[0].State != c.want {
			t.Errorf("%s: shown as %s, want %s", name, row[0].State, c.want)
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

func TestMails_WhatTheOutboxDecides_LeavesTheMessageID(t *testing.T) {
	tried, decided := result("a", "uncertain", 1), decision("a", "uncertain", 1)
	tried.MessageID = "a@example.com"
	if row := merged(merged(nil, tried), decided); row[0].MessageID != "a@example.com" || !row[0].OccurredAt.Equal(decided.OccurredAt) {
		t.Errorf("it is shown as %+v", row[0])
	}
}
