// Rules of a cancellation:
//   - what is not done is called off, and can be retried;
//   - an attempt that is under way is not interrupted: where the relay takes the mail, it was sent.

package mail

import "time"

// Cancel calls off a mail that waits. Of any other, and on a repeat, it changes nothing.
func (o Outbox) Cancel(id string, now time.Time) (Outbox, []Delivery) {
	i := o.waiting(id)
	if i < 0 {
		return o, nil
	}
	return o.forget(now).finish(o.Mails[i], Cancelled, now)
}
