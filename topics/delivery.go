package topics

import "time"

// MailDelivery is one change of a mail's state, on mail_deliveries. Mail ids
// are the ids of the events that asked for them.
type MailDelivery struct {
	MailID         string    `json:"mail_id"`
	Email          string    `json:"email"`
	Kind           string    `json:"kind"`  // verify_account, account_verified, already_registered
	State          string    `json:"state"` // queued, retrying, uncertain, sent, failed, expired, superseded, cancelled
	UserID         string    `json:"user_id"`
	VerificationID string    `json:"verification_id,omitempty"`
	Retries        int       `json:"retries,omitempty"` // how often the mail was asked for again by then
	Attempt        int       `json:"attempt"`           // from 1; 0 before the first
	OccurredAt     time.Time `json:"occurred_at"`
	NotBefore      time.Time `json:"not_before,omitzero"` // of the next attempt
	Deadline       time.Time `json:"deadline,omitzero"`   // the last moment at which an attempt may begin
	Stage          string    `json:"stage,omitempty"`     // of the conversation with the relay at which the attempt ended
	Reply          string    `json:"reply,omitempty"`     // the relay's words, addresses cut out: internal
	By             string    `json:"by"`                  // outbox: what was decided; sender: what came of an attempt
	MessageID      string    `json:"message_id,omitempty"`
}
