// Rules of a mail:
//   - its id is the id of the event that asked for it;
//   - every kind has a greatest age; a code's ends a minute before the code does.

package mail

import "time"

// Kind says which letter a mail is. Its value names the folder of the letter's templates.
type Kind string

const (
	// VerifyAccount carries a code and a link.
	VerifyAccount Kind = "verify_account"
	// AccountVerified confirms that an address was proven.
	AccountVerified Kind = "account_verified"
	// AlreadyRegistered tells the owner of a proven address that somebody registered it again. It carries no code.
	AlreadyRegistered Kind = "already_registered"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{VerifyAccount, AccountVerified, AlreadyRegistered} }

// State is where a mail is on its way; the package comment draws how one follows another.
type State string

const (
	// Queued waits for its first attempt.
	Queued State = "queued"
	// Retrying waits for another attempt; of none so far it is known that it was accepted.
	Retrying State = "retrying"
	// Uncertain was handed over whole, and no reply came: it may have been accepted.
	Uncertain State = "uncertain"
	// Sent was accepted by the relay.
	Sent State = "sent"
	// Failed was refused for good.
	Failed State = "failed"
	// Expired ran out of time.
	Expired State = "expired"
	// Superseded made way for a later mail of its verification.
	Superseded State = "superseded"
	// Cancelled was called off.
	Cancelled State = "cancelled"
)

const (
	// leastCodeLife is what a code must still have to live for its mail to be of use.
	leastCodeLife = time.Minute
	// greatestAge bounds every mail without a code.
	greatestAge = 24 * time.Hour
)

// Mail is one mail that is not done.
type Mail struct {
	ID        string `json:"id"`
	Kind      Kind   `json:"kind"`
	State     State  `json:"state"`
	To        string `json:"to"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Locale    string `json:"locale,omitempty"`
	UserID    string `json:"user_id"`
	// The next five are those of the event's verification: code and link are made from them.
	VerificationID string    `json:"verification_id,omitempty"`
	Nonce          string    `json:"nonce,omitempty"`
	SecretID       string    `json:"secret_id,omitempty"`
	OpenedAt       time.Time `json:"opened_at,omitzero"`
	CodeExpiresAt  time.Time `json:"code_expires_at,omitzero"`
	// LinkOnly means that the letter has no code: the account's digits are locked.
	LinkOnly bool `json:"link_only,omitempty"`
	// Sequence is the version of the account's state that caused the mail.
	Sequence int64 `json:"sequence"`
	// OccurredAt is the time of the event.
	OccurredAt time.Time `json:"occurred_at"`
	// Attempts counts those whose result is about this mail; a relay that is ill costs none.
	Attempts int `json:"attempts,omitempty"`
	// Retries counts how often the mail was asked for again after it was done.
	Retries int `json:"retries,omitempty"`
	// Unanswered counts the attempts that may have been accepted. A retry counts those before it as one.
	Unanswered int `json:"unanswered,omitempty"`
	// NotBefore is when the next attempt may be made.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Stage and Reply are those of the last attempt.
	Stage Stage  `json:"stage,omitempty"`
	Reply string `json:"reply,omitempty"`
}

// Deadline is the last moment at which an attempt may begin.
func (m Mail) Deadline() time.Time {
	if m.Kind == VerifyAccount {
		return m.CodeExpiresAt.Add(-leastCodeLife)
	}
	return m.OccurredAt.Add(greatestAge)
}
