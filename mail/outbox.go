// Rules of the outbox:
//   - an id is queued once, however often it comes; ids of mails that are done are remembered an hour longer than
//     the mail could have been sent, and an event older than that is expired: a replayed topic mails nobody again;
//   - within a verification a later sequence supersedes an older mail, in whichever order they come;
//   - an attempt that was refused for now is repeated after 5 s, 15 s, 45 s, 2 min, then every 4 min (± 20 %), never
//     beyond the mail's deadline;
//   - an attempt without a reply is repeated once, later. A mail that had one and runs out of time does not expire, and one that
//     is refused then has not failed: both stay uncertain, for the relay may have taken it before;
//   - when an account is erased its waiting mails are called off, and one that was asked for before and comes later is,
//     too; nothing personal is remembered of them;
//   - a mail to a suppressed address has failed before it is tried (suppression.go);
//   - a mail that could still be of use is kept until its deadline when it is done without having been sent (retry.go);
//   - a row that remembers nothing any more is as good as none;
//   - a result counts for the attempt it names, of the retry it names; only "sent" is believed of any attempt, because it is
//     a fact. One that comes when its mail is done is noted, so that a repeat is known for one; it is retried no more where
//     it was sent.

package mail

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

const (
	// remembered is how long after its deadline a mail's id is known.
	remembered = time.Hour
	// unansweredDelay lets a slow relay finish what it may have accepted.
	unansweredDelay = 30 * time.Second
	// mostUnanswered is how often a mail may be handed over without a reply.
	mostUnanswered = 2
)

// Outbox is one address's row: mails not yet done, and what must be remembered of the others.
type Outbox struct {
	Mails []Mail `json:"mails,omitempty"`
	Done  []Done `json:"done,omitempty"`
	// Erased is the last erasure of the account.
	Erased Erasure `json:"erased,omitzero"`
}

// Erasure is what is remembered of one.
type Erasure struct {
	Sequence int64     `json:"sequence"`
	Until    time.Time `json:"until"`
}

// Done is what is remembered of a mail that is done.
type Done struct {
	ID             string    `json:"id"`
	VerificationID string    `json:"verification_id,omitempty"`
	Sequence       int64     `json:"sequence"`
	Until          time.Time `json:"until"`
	// Attempts is the last one whose result is known.
	Attempts int `json:"attempts,omitempty"`
	// Mail is the mail itself, as long as it may be retried.
	Mail *Mail `json:"mail,omitempty"`
}

// Queue takes the mail an event asks for. An id that is known changes nothing; a mail that is too old, was
// superseded before it came, or is to an address that is suppressed, is done at once.
func (o Outbox) Queue(m Mail, suppressed bool, now time.Time) (Outbox, []Delivery) {
	if o.knows(m.ID) {
		return o, nil
	}
	o = o.forget(now)
	m.State, m.Attempts, m.Retries, m.Unanswered, m.NotBefore, m.Stage, m.Reply = Queued, 0, 0, 0, time.Time{}, "", ""
	if !m.Deadline().After(now) {
		return o.finish(m, Expired, now)
	}
	if m.Sequence < o.Erased.Sequence {
		return o.finish(m, Cancelled, now)
	}
	if o.overtook(m) {
		return o.finish(m, Superseded, now)
	}
	var told []Delivery
	for _, older := range slices.Clone(o.Mails) {
		if older.VerificationID != "" && older.VerificationID == m.VerificationID && older.Sequence < m.Sequence {
			var change []Delivery
			o, change = o.finish(older, Superseded, now)
			told = append(told, change...)
		}
	}
	if suppressed {
		m.Stage = StageSuppressed
		o, change := o.finish(m, Failed, now)
		return o, append(told, change...)
	}
	o.Mails = append(o.Mails, m)
	return o, append(told, m.delivery(ByOutbox, now))
}

// Erase calls off what waits, when the account is erased at that version of its state. What was asked for before and
// comes later is called off by Queue, for as long as it could be mailed. Repeating it changes nothing.
func (o Outbox) Erase(sequence int64, now time.Time) (Outbox, []Delivery) {
	if sequence <= o.Erased.Sequence {
		return o, nil
	}
	o = o.forget(now)
	o.Erased = Erasure{sequence, now.Add(greatestAge + remembered)}
	for i, d := range o.Done {
		if d.Sequence < sequence {
			o.Done[i].Mail = nil
		}
	}
	var told []Delivery
	for _, m := range slices.Clone(o.Mails) {
		if m.Sequence < sequence {
			var change []Delivery
			o, change = o.finish(m, Cancelled, now)
			told = append(told, change...)
		}
	}
	return o, told
}

// Settle takes a sender's result. A repeat changes nothing. One of a mail that is not waiting for it decides nothing, so it
// may come late; but what was sent is not retried, whatever was decided meanwhile.
func (o Outbox) Settle(d Delivery, now time.Time) (Outbox, []Delivery) {
	if d.By != BySender {
		return o, nil
	}
	i := o.waiting(d.MailID)
	if i < 0 {
		return o.note(d, now), nil
	}
	m := o.Mails[i]
	if d.State != Sent && (d.Retries != m.Retries || d.Attempt != m.attemptOf(d.State)) {
		return o, nil
	}
	o = o.forget(now)
	m.Attempts, m.Stage, m.Reply = d.Attempt, d.Stage, d.Reply
	switch d.State {
	case Failed:
		if m.Unanswered > 0 {
			return o.finish(m, Uncertain, now)
		}
		fallthrough
	case Sent:
		o, _ = o.finish(m, d.State, now) // The sender's record has told it.
		return o, nil
	case Expired:
		return o.finish(m, m.outOfTime(), now)
	case Retrying:
		m.State, m.NotBefore = Retrying, now.Add(m.wait(retryDelay(m.Attempts)))
	case Uncertain:
		m.Unanswered++
		if m.Unanswered >= mostUnanswered {
			return o.finish(m, Uncertain, now)
		}
		m.State, m.NotBefore = Uncertain, now.Add(m.wait(unansweredDelay))
	default:
		return o, nil
	}
	if !m.Deadline().After(m.NotBefore) {
		return o.finish(m, m.outOfTime(), now)
	}
	o.Mails[i] = m
	return o, []Delivery{m.delivery(ByOutbox, now)}
}

// note takes the result of an attempt that was under way when its mail was done.
func (o Outbox) note(d Delivery, now time.Time) Outbox {
	i := o.done(d.MailID)
	if i < 0 || d.Attempt <= o.Done[i].Attempts && (d.State != Sent || o.Done[i].Mail == nil) {
		return o
	}
	o = o.forget(now)
	if i = o.done(d.MailID); i < 0 {
		return o
	}
	done := &o.Done[i]
	done.Attempts = max(done.Attempts, d.Attempt)
	switch {
	case d.State == Sent:
		done.Mail = nil
	case d.State == Uncertain && done.Mail != nil:
		kept := *done.Mail
		kept.Unanswered++
		done.Mail = &kept
	}
	return o
}

// outOfTime is what becomes of a mail for which there is no time left.
func (m Mail) outOfTime() State {
	if m.Unanswered > 0 {
		return Uncertain
	}
	return Expired
}

// attemptOf is the number a result in this state bears: that of the attempt made, or of the last one where none was.
func (m Mail) attemptOf(s State) int {
	if s == Expired {
		return m.Attempts
	}
	return m.Attempts + 1
}

func (o Outbox) knows(id string) bool {
	return o.waiting(id) >= 0 || o.done(id) >= 0
}

// waiting is the position of a mail that is not done, -1 if there is none.
func (o Outbox) waiting(id string) int {
	return slices.IndexFunc(o.Mails, func(m Mail) bool { return m.ID == id })
}

// done is the position of what is remembered of one that is, -1 if that is nothing.
func (o Outbox) done(id string) int {
	return slices.IndexFunc(o.Done, func(d Done) bool { return d.ID == id })
}

// overtook tells whether a later mail of the same verification is here or was.
func (o Outbox) overtook(m Mail) bool {
	if m.VerificationID == "" {
		return false
	}
	return slices.ContainsFunc(o.Mails, func(other Mail) bool {
		return other.VerificationID == m.VerificationID && other.Sequence > m.Sequence
	}) || slices.ContainsFunc(o.Done, func(done Done) bool {
		return done.VerificationID == m.VerificationID && done.Sequence > m.Sequence
	})
}

// forget drops the ids whose time is over, and the mails that are of no use any more. It copies both lists, so that what
// follows changes no other Outbox.
func (o Outbox) forget(now time.Time) Outbox {
	kept := Outbox{
		Mails: slices.Clone(o.Mails),
		Done:  slices.DeleteFunc(slices.Clone(o.Done), func(d Done) bool { return d.Until.Before(now) }),
	}
	for i, d := range kept.Done {
		if d.Mail != nil && !d.Mail.Deadline().After(now) {
			kept.Done[i].Mail = nil
		}
	}
	if !o.Erased.Until.Before(now) {
		kept.Erased = o.Erased
	}
	return kept
}

// Same says whether two rows remember the same.
func (o Outbox) Same(other Outbox) bool {
	return o.Erased == other.Erased && slices.Equal(o.Mails, other.Mails) && slices.EqualFunc(o.Done, other.Done, func(a, b Done) bool {
		if a.Mail != nil && b.Mail != nil && *a.Mail == *b.Mail {
			a.Mail = b.Mail
		}
		return a == b
	})
}

// Idle says whether there is nothing that the row is needed for.
func (o Outbox) Idle(now time.Time) bool {
	o = o.forget(now)
	return len(o.Mails) == 0 && len(o.Done) == 0 && o.Erased == Erasure{}
}

func (o Outbox) finish(m Mail, s State, now time.Time) (Outbox, []Delivery) {
	m.State, m.NotBefore = s, time.Time{}
	o.Mails = slices.DeleteFunc(o.Mails, func(other Mail) bool { return other.ID == m.ID })
	done := Done{ID: m.ID, VerificationID: m.VerificationID, Sequence: m.Sequence, Until: m.Deadline().Add(remembered), Attempts: m.Attempts}
	if s.Retriable() && m.Deadline().After(now) && m.Sequence >= o.Erased.Sequence {
		done.Mail = &m
	}
	o.Done = append(o.Done, done)
	return o, []Delivery{m.delivery(ByOutbox, now)}
}

func retryDelay(attempts int) time.Duration {
	delays := [...]time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second, 2 * time.Minute, 4 * time.Minute}
	return delays[min(max(attempts, 1), len(delays))-1]
}

// wait spreads a delay by ± 20 %. The spread comes from id and attempt, so the rules need no randomness.
func (m Mail) wait(d time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(m.ID + "/" + strconv.Itoa(m.Attempts)))
	return d*4/5 + d*2/5*time.Duration(h.Sum32()%1000)/999
}
