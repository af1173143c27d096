package mail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/mail"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// code is a mail of verification "v" that was caused at noon.
func code(id string, sequence int64) mail.Mail {
	return mail.Mail{
		ID: id, Kind: mail.VerifyAccount, To: "ada@example.org", VerificationID: "v", Sequence: sequence,
		OccurredAt: noon, CodeExpiresAt: noon.Add(10 * time.Minute),
	}
}

func result(id string, attempt int, state mail.State) mail.Delivery {
	return mail.Delivery{MailID: id, Attempt: attempt, State: state, By: mail.BySender, Stage: mail.StageRcpt, Reply: "as it is"}
}

// summary tells states and attempts of an outbox' mails, and the ids that are done.
func summary(o mail.Outbox) string {
	var s string
	for _, m := range o.Mails {
		s += fmt.Sprintf("%s:%s/%d ", m.ID, m.State, m.Attempts)
	}
	for _, d := range o.Done {
		s += d.ID + ":done "
	}
	return s
}

func told(deliveries []mail.Delivery) string {
	var s string
	for _, d := range deliveries {
		s += fmt.Sprintf("%s:%s/%d ", d.MailID, d.State, d.Attempt)
		if d.By != mail.ByOutbox {
			s += "by " + string(d.By)
		}
	}
	return s
}

func TestOutbox_WhatHappensToAMail_FollowsTheRules(t *testing.T) {
	type step func(mail.Outbox) (mail.Outbox, []mail.Delivery)
	queue := func(m mail.Mail, after time.Duration) step {
		return func(o mail.Outbox) (mail.Outbox, []mail.Delivery) { return o.Queue(m, false, noon.Add(after)) }
	}
	settle := func(d mail.Delivery, after time.Duration) step {
		return func(o mail.Outbox) (mail.Outbox, []mail.Delivery) { return o.Settle(d, noon.Add(after)) }
	}
	erase := func(sequence int64, after time.Duration) step {
		return func(o mail.Outbox) (mail.Outbox, []mail.Delivery) { return o.Erase(sequence, noon.Add(after)) }
	}
	byOutbox := result("a", 1, mail.Failed)
	byOutbox.By = mail.ByOutbox
	notice := mail.Mail{ID: "n", Kind: mail.AccountVerified, To: "ada@example.org", Sequence: 9, OccurredAt: noon}
	later := code("later", 1)
	later.CodeExpiresAt = noon.Add(27 * time.Hour)
	for name, row := range map[string]struct {
		steps      []step
		want, last string
	}{
		"a mail is queued":              {[]step{queue(code("a", 1), 0)}, "a:queued/0 ", "a:queued/0 "},
		"once":                          {[]step{queue(code("a", 1), 0), queue(code("a", 1), 0)}, "a:queued/0 ", ""},
		"not with a minute left":        {[]step{queue(code("a", 1), 9*time.Minute)}, "a:done ", "a:expired/0 "},
		"a notice within a day":         {[]step{queue(notice, 24*time.Hour-1)}, "n:queued/0 ", "n:queued/0 "},
		"no notice after a day":         {[]step{queue(notice, 24*time.Hour)}, "n:done ", "n:expired/0 "},
		"sent":                          {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Sent), 0)}, "a:done ", ""},
		"failed":                        {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Failed), 0)}, "a:done ", ""},
		"never again once done":         {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Sent), 0), queue(code("a", 1), time.Second)}, "a:done ", ""},
		"nor long after":                {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Sent), 0), queue(code("b", 1), 5*time.Hour), queue(code("a", 1), 5*time.Hour)}, "a:done ", "a:expired/0 "},
		"refused for now":               {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Retrying), 0)}, "a:retrying/1 ", "a:retrying/1 "},
		"a result counts once":          {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Retrying), 0), settle(result("a", 1, mail.Failed), 0)}, "a:retrying/1 ", ""},
		"sent counts whenever it comes": {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Retrying), 0), settle(result("a", 1, mail.Sent), 0)}, "a:done ", ""},
		"erased":                        {[]step{queue(code("a", 1), 0), queue(notice, 0), erase(10, 0)}, "a:done n:done ", "a:cancelled/0 n:cancelled/0 "},
		"erased once":                   {[]step{queue(code("a", 1), 0), erase(2, 0), erase(2, 0)}, "a:done ", ""},
		"asked for before, and late":    {[]step{erase(2, 0), queue(code("a", 1), 0)}, "a:done ", "a:cancelled/0 "},
		"asked for after":               {[]step{erase(2, 0), queue(code("a", 3), 0)}, "a:queued/0 ", "a:queued/0 "},
		"asked for after, here before":  {[]step{queue(code("a", 3), 0), erase(2, 0)}, "a:queued/0 ", ""},
		"remembered for a day":          {[]step{erase(9, 0), queue(later, 26*time.Hour)}, "later:queued/0 ", "later:queued/0 "},
		"the outbox' own word is none":  {[]step{queue(code("a", 1), 0), settle(byOutbox, 0)}, "a:queued/0 ", ""},
		"an unknown mail's is none":     {[]step{queue(code("a", 1), 0), settle(result("b", 1, mail.Sent), 0)}, "a:queued/0 ", ""},
		"an unknown state is none":      {[]step{queue(code("a", 1), 0), settle(result("a", 1, "odd"), 0)}, "a:queued/0 ", ""},
		"no retry beyond its deadline":  {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Retrying), 9*time.Minute-time.Second)}, "a:done ", "a:expired/1 "},
		"the sender saw it expire":      {[]step{queue(code("a", 1), 0), settle(result("a", 0, mail.Expired), 9*time.Minute)}, "a:done ", "a:expired/0 "},
		"no reply":                      {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 0)}, "a:uncertain/1 ", "a:uncertain/1 "},
		"no reply, then refused for now": {[]step{
			queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 0), settle(result("a", 2, mail.Retrying), 0),
		}, "a:retrying/2 ", "a:retrying/2 "},
		"no reply twice": {[]step{
			queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 0), settle(result("a", 2, mail.Retrying), 0), settle(result("a", 3, mail.Uncertain), 0),
		}, "a:done ", "a:uncertain/3 "},
		"no reply, and no time for more": {[]step{
			queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 9*time.Minute-time.Second),
		}, "a:done ", "a:uncertain/1 "},
		"no reply, then no time for a retry": {[]step{
			queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 0), settle(result("a", 2, mail.Retrying), 9*time.Minute-time.Second),
		}, "a:done ", "a:uncertain/2 "},
		"no reply, then refused": {[]step{
			queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 0), settle(result("a", 2, mail.Failed), 0),
		}, "a:done ", "a:uncertain/2 "},
		"no reply, and the sender saw it expire": {[]step{
			queue(code("a", 1), 0), settle(result("a", 1, mail.Uncertain), 0), settle(result("a", 1, mail.Expired), 9*time.Minute),
		}, "a:done ", "a:uncertain/1 "},
		"a later mail supersedes":        {[]step{queue(code("a", 1), 0), queue(code("b", 2), 0)}, "b:queued/0 a:done ", "a:superseded/0 b:queued/0 "},
		"also where it comes first":      {[]step{queue(code("b", 2), 0), queue(code("a", 1), 0)}, "b:queued/0 a:done ", "a:superseded/0 "},
		"also where it is sent already":  {[]step{queue(code("b", 2), 0), settle(result("b", 1, mail.Sent), 0), queue(code("a", 1), 0)}, "b:done a:done ", "a:superseded/0 "},
		"not in another verification":    {[]step{queue(code("a", 1), 0), queue(notice, 0)}, "a:queued/0 n:queued/0 ", "n:queued/0 "},
		"what is sent is not superseded": {[]step{queue(code("a", 1), 0), settle(result("a", 1, mail.Sent), 0), queue(code("b", 2), 0)}, "b:queued/0 a:done ", "b:queued/0 "},
	} {
		t.Run(name, func(t *testing.T) {
			var o mail.Outbox
			var last []mail.Delivery
			for _, s := range row.steps {
				o, last = s(o)
			}
			if summary(o) != row.want || told(last) != row.last {
				t.Errorf("row %q, told %q; want %q and %q", summary(o), told(last), row.want, row.last)
			}
		})
	}
}

func TestOutbox_Retries_KeepTheirDistance(t *testing.T) {
	m := mail.Mail{ID: "n", Kind: mail.AccountVerified, To: "ada@example.org", OccurredAt: noon}
	o, _ := mail.Outbox{}.Queue(m, false, noon)
	now := noon
	for i, want := range []time.Duration{5, 15, 45, 120, 240, 240, 240} {
		want *= time.Second
		o, _ = o.Settle(result("n", i+1, mail.Retrying), now)
		wait := o.Mails[0].NotBefore.Sub(now)
		if wait < want*8/10 || wait > want*12/10 {
			t.Errorf("wait %d is %s, want %s ± 20 %%", i+1, wait, want)
		}
		now = o.Mails[0].NotBefore
	}
}

func TestOutbox_AResultOfAMailThatIsDone_IsNotedOnce(t *testing.T) {
	queued, _ := mail.Outbox{}.Queue(code("a", 1), false, noon)
	cancelled, _ := queued.Cancel("a", noon)
	superseded, _ := queued.Queue(code("b", 2), false, noon)
	erased, _ := queued.Erase(2, noon)
	for name, o := range map[string]mail.Outbox{"cancelled": cancelled, "superseded": superseded, "erased": erased} {
		noted, deliveries := o.Settle(result("a", 1, mail.Failed), noon)
		if fmt.Sprint(noted) == fmt.Sprint(o) || summary(noted) != summary(o) || len(deliveries) > 0 {
			t.Errorf("%s: row %+v, told %q", name, noted, told(deliveries))
		}
		if again, _ := noted.Settle(result("a", 1, mail.Failed), noon); fmt.Sprint(again) != fmt.Sprint(noted) {
			t.Errorf("%s: a repeat makes the row %+v", name, again)
		}
	}
	if o, _ := cancelled.Settle(result("a", 1, mail.Sent), noon.Add(2*time.Hour)); summary(o) != "" {
		t.Errorf("when it is forgotten: row %q", summary(o))
	}
}

// A few mails, in any order and as often as you like, with results of any kind, late and repeated, and operators who retry
// and cancel.
func TestOutbox_WhateverComesInWhateverOrder_KeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o mail.Outbox
		now := noon
		queued, retried := make(map[string]int), make(map[string]int)
		done, sent, unanswered := make(map[string]bool), make(map[string]bool), make(map[string]bool)
		erased := int64(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "seconds")) * time.Second)
			before := o
			row := fmt.Sprint(before)
			var deliveries []mail.Delivery
			n := rapid.IntRange(1, 4).Draw(t, "mail")
			id := fmt.Sprint(n)
			switch rapid.SampledFrom([]string{"erase", "event", "event", "event", "result", "result", "result", "retry", "retry", "cancel"}).Draw(t, "what") {
			case "erase":
				erased = max(erased, int64(n))
				o, deliveries = o.Erase(erased, now)
			case "event":
				m := code(id, int64(n))
				m.VerificationID = fmt.Sprint("v", n%2)
				o, deliveries = o.Queue(m, rapid.IntRange(0, 4).Draw(t, "suppressed") == 0, now)
			case "retry":
				if o, deliveries = o.Retry(id, now); len(deliveries) > 0 {
					if sent[id] {
						t.Fatalf("%s was sent and is retried", id)
					}
					retried[id]++
					delete(done, id)
				}
			case "cancel":
				o, deliveries = o.Cancel(id, now)
			default:
				d := result(id, rapid.IntRange(0, 4).Draw(t, "attempt"),
					rapid.SampledFrom([]mail.State{mail.Sent, mail.Failed, mail.Retrying, mail.Uncertain, mail.Expired}).Draw(t, "state"))
				d.Retries = rapid.IntRange(0, 2).Draw(t, "retries")
				known := summary(o)
				o, deliveries = o.Settle(d, now)
				sent[id] = sent[id] || d.State == mail.Sent && strings.Contains(known, id+":")
			}
			if fmt.Sprint(before) != row {
				t.Fatal("an outbox was changed in place")
			}
			for _, d := range deliveries {
				switch {
				case d.State == mail.Queued:
					queued[d.MailID]++
				case d.State == mail.Uncertain:
					unanswered[d.MailID] = true
				case d.State == mail.Expired && unanswered[d.MailID] && strings.Contains(summary(before), d.MailID+":"):
					t.Fatalf("%s may have been accepted, and is said to have reached nobody", d.MailID)
				}
			}
			for _, d := range o.Done {
				done[d.ID] = true
				if d.Mail != nil && (sent[d.ID] || d.Sequence < erased) {
					t.Fatalf("%s was sent or erased, and is kept", d.ID)
				}
				if !d.Until.After(noon.Add(10 * time.Minute)) {
					t.Fatalf("%s is forgotten while it could still come", d.ID)
				}
			}
			for i, m := range o.Mails {
				switch {
				case m.Sequence < erased:
					t.Fatalf("%s was asked for before the account was erased, and waits", m.ID)
				case done[m.ID]:
					t.Fatalf("%s was done and waits again", m.ID)
				case queued[m.ID] < 1 || queued[m.ID] > 1+retried[m.ID]:
					t.Fatalf("%s was queued %d times, and retried %d", m.ID, queued[m.ID], retried[m.ID])
				case sent[m.ID]:
					t.Fatalf("%s was sent and waits again", m.ID)
				case m.NotBefore.After(m.Deadline()):
					t.Fatalf("%s would be tried at %s, after %s", m.ID, m.NotBefore, m.Deadline())
				case m.Unanswered > 1:
					t.Fatalf("%s was handed over without a reply %d times and waits", m.ID, m.Unanswered)
				case slices.ContainsFunc(o.Mails[i+1:], func(other mail.Mail) bool { return other.VerificationID == m.VerificationID }):
					t.Fatalf("two mails of %s wait", m.VerificationID)
				}
			}
		}
	})
}
