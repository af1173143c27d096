// Rules of a retry:
//   - what failed, stayed without a reply or was called off is mailed again when an operator asks for it, as long as it is
//     of use: until its deadline, and while no later mail of its verification came;
//   - what the relay took is not mailed again, nor what is waiting anyway, nor anything of an erased account;
//   - it keeps its id, and with it its Message-ID, and goes on counting its attempts;
//   - one that may have been accepted is handed over without a reply once more at most, not twice again.

package mail

import (
	"slices"
	"time"
)

// Retriable says whether a mail that ended so may be retried.
func (s State) Retriable() bool { return s == Failed || s == Uncertain || s == Cancelled }

// Retry puts a mail back that is done without having been sent. Where that cannot be, and on a repeat, it changes nothing.
func (o Outbox) Retry(id string, now time.Time) (Outbox, []Delivery) {
	m := o.kept(id)
	if m == nil || !m.Deadline().After(now) || o.overtook(*m) {
		return o, nil
	}
	again := *m
	again.Attempts = o.Done[o.done(id)].Attempts
	o = o.forget(now)
	o.Done = slices.DeleteFunc(o.Done, func(d Done) bool { return d.ID == id })
	again.State, again.Stage, again.Reply = Queued, "", ""
	again.Unanswered = min(again.Unanswered, mostUnanswered-1)
	again.Retries++
	o.Mails = append(o.Mails, again)
	return o, []Delivery{again.delivery(ByOutbox, now)}
}

// kept is a mail that is done and may be retried, nil if there is none.
func (o Outbox) kept(id string) *Mail {
	if i := o.done(id); i >= 0 {
		return o.Done[i].Mail
	}
	return nil
}
