package app

import (
	"testing"
	"time"

	"countersign/topics"
	"countersign/views"
)

func TestHappening_OfAMail_TellsTheRelaysWordsOnce(t *testing.T) {
	later := time.Date(2026, 11, 30, 12, 0, 45, 0, time.UTC)
	for want, d := range map[string]topics.MailDelivery{
		"450 later": {By: "sender", Stage: "rcpt", Reply: "450 later"},
		"the next attempt is at 2026-11-30T12:00:45Z": {By: "outbox", Stage: "rcpt", Reply: "450 later", NotBefore: later},
		"550 no":                    {By: "outbox", Stage: "rcpt", Reply: "550 no"},
		"its address is suppressed": {By: "outbox", Stage: "suppressed"},
	} {
		if h := happening(views.Told{Read: d}); h.Detail != want {
			t.Errorf("%q, want %q", h.Detail, want)
		}
	}
}
