package mail_test

import (
	"fmt"
	"testing"
	"time"

	"countersign/mail"
)

func TestRetry_WhatIsDoneWithoutBeingSent_IsMailedAgainWhileItIsOfUse(t *testing.T) {
	type step func(mail.Outbox, time.Time) (mail.Outbox, []mail.Delivery)
	settle := func(attempt int, s mail.State) step {
		return func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) {
			return o.Settle(result("a", attempt, s), now)
		}
	}
	settleRetried := func(attempt int, s mail.State) step {
		return func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) {
			d := result("a", attempt, s)
			d.Retries = 1
			return o.Settle(d, now)
		}
	}
	lastMoment := func(s mail.State) step {
		return func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) {
			return o.Settle(result("a", 1, s), now.Add(9*time.Minute-time.Second))
		}
	}
	queue := func(id string, sequence int64) step {
		return func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) {
			return o.Queue(code(id, sequence), false, now)
		}
	}
	suppressed := func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) {
		return o.Queue(code("a", 1), true, now)
	}
	cancel := func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) { return o.Cancel("a", now) }
	retry := func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) { return o.Retry("a", now) }
	erase := func(o mail.Outbox, now time.Time) (mail.Outbox, []mail.Delivery) { return o.Erase(5, now) }
	for name, row := range map[string]struct {
		before []step
		after  time.Duration
		want   string // told by the retry
	}{
		"failed":                     {[]step{queue("a", 1), settle(1, mail.Failed)}, 0, "a:queued/1 "},
		"without a reply":            {[]step{queue("a", 1), settle(1, mail.Uncertain), settle(2, mail.Uncertain)}, 0, "a:queued/2 "},
		"one without, out of time":   {[]step{queue("a", 1), lastMoment(mail.Uncertain)}, 9*time.Minute - 1, "a:queued/1 "},
		"called off":                 {[]step{queue("a", 1), cancel}, 0, "a:queued/0 "},
		"refused when it was off":    {[]step{queue("a", 1), cancel, settle(1, mail.Failed)}, 0, "a:queued/1 "},
		"suppressed":                 {[]step{suppressed}, 0, "a:queued/0 "},
		"once":                       {[]step{queue("a", 1), cancel, retry}, 0, ""},
		"again after it failed":      {[]step{queue("a", 1), cancel, retry, settleRetried(1, mail.Failed)}, 0, "a:queued/1 "},
		"never heard of":             {nil, 0, ""},
		"waiting":                    {[]step{queue("a", 1)}, 0, ""},
		"sent":                       {[]step{queue("a", 1), settle(1, mail.Sent)}, 0, ""},
		"sent when it was off":       {[]step{queue("a", 1), cancel, settle(1, mail.Sent)}, 0, ""},
		"superseded":                 {[]step{queue("a", 1), queue("b", 2)}, 0, ""},
		"a later one came meanwhile": {[]step{queue("a", 1), settle(1, mail.Failed), queue("b", 2)}, 0, ""},
		"its account is erased":      {[]step{queue("a", 1), settle(1, mail.Failed), erase}, 0, ""},
		"called off by an erasure":   {[]step{queue("a", 1), erase}, 0, ""},
		"late for an erased account": {[]step{erase, queue("a", 1)}, 0, ""},
		"just in time":               {[]step{queue("a", 1), cancel}, 9*time.Minute - 1, "a:queued/0 "},
		"too late":                   {[]step{queue("a", 1), cancel}, 9 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var o mail.Outbox
			for _, s := range row.before {
				o, _ = s(o, noon)
			}
			next, deliveries := o.Retry("a", noon.Add(row.after))
			if told(deliveries) != row.want {
				t.Errorf("told %q, want %q", told(deliveries), row.want)
			}
			if again, more := next.Retry("a", noon.Add(row.after)); len(more) > 0 || summary(again) != summary(next) {
				t.Errorf("a repeat told %q", told(more))
			}
		})
	}
}

func TestRetry_WhatMayHaveBeenAccepted_IsHandedOverOnceMore_AndDoesNotExpire(t *testing.T) {
	queued, _ := mail.Outbox{}.Queue(code("a", 1), false, noon)
	unanswered, _ := queued.Settle(result("a", 1, mail.Uncertain), noon)
	unanswered, _ = unanswered.Settle(result("a", 2, mail.Uncertain), noon)
	calledOff, _ := queued.Cancel("a", noon)
	calledOff, _ = calledOff.Settle(result("a", 1, mail.Uncertain), noon) // It was under way.
	for name, o := range map[string]mail.Outbox{"without a reply": unanswered, "called off": calledOff} {
		o, _ = o.Retry("a", noon)
		made := o.Mails[0].Attempts
		for _, d := range []mail.Delivery{result("a", made+1, mail.Uncertain), result("a", made, mail.Expired)} {
			d.Retries = 1
			next, deliveries := o.Settle(d, noon.Add(5*time.Minute))
			if want := fmt.Sprintf("a:uncertain/%d ", d.Attempt); summary(next) != "a:done " || told(deliveries) != want {
				t.Errorf("%s, then %s: row %q, told %q", name, d.State, summary(next), told(deliveries))
			}
		}
	}
}

func TestRetry_AResultFromBeforeIt_DecidesNothing_UnlessTheMailWasSent(t *testing.T) {
	o, _ := mail.Outbox{}.Queue(code("a", 1), false, noon)
	o, _ = o.Cancel("a", noon) // An attempt is under way.
	o, _ = o.Retry("a", noon)
	for state, want := range map[mail.State]string{mail.Failed: "a:queued/0 ", mail.Uncertain: "a:queued/0 ", mail.Sent: "a:done "} {
		if next, deliveries := o.Settle(result("a", 1, state), noon); summary(next) != want || len(deliveries) > 0 {
			t.Errorf("%s: row %q, told %q", state, summary(next), told(deliveries))
		}
	}
}

func TestRetry_WhatIsKeptForIt_IsGoneWhenItsTimeIs(t *testing.T) {
	o, _ := mail.Outbox{}.Queue(code("a", 1), false, noon)
	o, _ = o.Cancel("a", noon)
	if o.Done[0].Mail == nil {
		t.Fatal("nothing is kept")
	}
	o, _ = o.Queue(code("b", 1), false, noon.Add(9*time.Minute))
	if o.Done[0].Mail != nil {
		t.Errorf("kept is %+v", o.Done[0].Mail)
	}
}
