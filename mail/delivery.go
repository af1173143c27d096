package mail

import "time"

// Teller names who wrote a Delivery.
type Teller string

const (
	// ByOutbox tells what the outbox decided. It is written together with the row.
	ByOutbox Teller = "outbox"
	// BySender tells what came of an attempt. Outbox.Settle turns it into the next state.
	BySender Teller = "sender"
)

// Delivery is one change of a mail's state, as it is told to others.
type Delivery struct {
	MailID         string
	Email          string
	Kind           Kind
	UserID         string
	VerificationID string
	State          State
	// Retries is the mail's own: a result from before a retry is not one of what was asked for then.
	Retries int
	// Attempt counts from 1; 0 before the first.
	Attempt    int
	OccurredAt time.Time
	// NotBefore is when the next attempt may be made.
	NotBefore time.Time
	// Deadline is the last moment at which an attempt may begin.
	Deadline time.Time
	// Stage and Reply are where the attempt ended and the relay's words, without addresses and codes; of a mail that was sent
	// they often name it in the relay's own log. They are for operators, not for the public.
	Stage Stage
	Reply string
	By    Teller
	// MessageID is the Message-ID header, known to the sender only.
	MessageID string
}

func (m Mail) delivery(by Teller, at time.Time) Delivery {
	return Delivery{
		MailID: m.ID, Email: m.To, Kind: m.Kind, UserID: m.UserID, VerificationID: m.VerificationID,
		State: m.State, Retries: m.Retries, Attempt: m.Attempts, OccurredAt: at, NotBefore: m.NotBefore, Deadline: m.Deadline(),
		Stage: m.Stage, Reply: m.Reply, By: by,
	}
}
