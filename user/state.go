package user

import (
	"slices"
	"time"
)

// Status of an account.
type Status string

// The statuses of an account. A row without one knows only attempts: no mail
// was ever sent for it, so no account was created.
const (
	StatusPending  Status = "pending"
	StatusVerified Status = "verified"
	StatusDeleted  Status = "deleted" // it was erased or removed, and nobody has registered since
)

// State is what is known of one address: the row of the group table.
type State struct {
	Email      string    `json:"email"`
	UserID     string    `json:"user_id,omitempty"`
	Status     Status    `json:"status,omitempty"`
	FirstName  string    `json:"first_name,omitempty"` // the account's: of the verification that was proven
	LastName   string    `json:"last_name,omitempty"`
	Locale     string    `json:"locale,omitempty"`
	Version    int64     `json:"version"` // grows by one with each change; the sequence of its events
	CreatedAt  time.Time `json:"created_at,omitzero"`
	UpdatedAt  time.Time `json:"updated_at"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	ErasedAt   time.Time `json:"erased_at,omitzero"` // last, or removed; it stays when somebody registers again

	Verifications []Verification `json:"verifications,omitempty"` // oldest first
	Unmatched     []Outcome      `json:"unmatched,omitempty"`     // outcomes of commands for verifications that are gone

	// These outlive the removal of the account and its erasure.
	Failures         int        `json:"failures,omitempty"`          // wrong guesses in a row, over all verifications
	FailedAt         time.Time  `json:"failed_at,omitzero"`          // the last of them
	LockedUntil      time.Time  `json:"locked_until,omitzero"`       // no code is taken before
	MailSlots        []MailSlot `json:"mail_slots,omitempty"`        // given out in the last day, oldest first
	NoticedAt        time.Time  `json:"noticed_at,omitzero"`         // last mail that told of a repeated registration
	MailStoppedUntil time.Time  `json:"mail_stopped_until,omitzero"` // no mail leaves before: the owner did not ask for any
}

// VerificationStatus says whether a verification can still be proven.
type VerificationStatus string

// The statuses of a verification: open → verified, or open → closed when
// another verification of the same address was proven first, or it was disputed.
const (
	VerificationOpen     VerificationStatus = "open"
	VerificationVerified VerificationStatus = "verified"
	VerificationClosed   VerificationStatus = "closed"
)

// Verification is one registration's way to be proven. It holds digests
// instead of the code and the link's token: reading it gives nobody either.
type Verification struct {
	ID             string             `json:"id"`
	Status         VerificationStatus `json:"status"`
	SecretID       string             `json:"secret_id"`
	Nonce          []byte             `json:"nonce,omitempty"`
	AnswerDigest   []byte             `json:"answer_digest,omitempty"`   // SHA-256 of the right answer; none: no code was mailed, none can match
	LinkDigest     []byte             `json:"link_digest,omitempty"`     // SHA-256 of the SHA-256 of the link's token
	DisputeDigests [][]byte           `json:"dispute_digests,omitempty"` // the same of the tokens to dispute it: one for each nonce that was mailed
	FirstName      string             `json:"first_name"`
	LastName       string             `json:"last_name,omitempty"`
	Locale         string             `json:"locale,omitempty"`
	OpenedAt       time.Time          `json:"opened_at"`
	ExpiresAt      time.Time          `json:"expires_at"` // of the code
	Slot           bool               `json:"slot"`       // a mail slot was free when it was opened
	Failures       int                `json:"failures,omitempty"`
	Outcomes       []Outcome          `json:"outcomes,omitempty"`
}

// Verification returns the verification with that id, nil if there is none.
func (s *State) Verification(id string) *Verification {
	for i := range s.Verifications {
		if s.Verifications[i].ID == id {
			return &s.Verifications[i]
		}
	}
	return nil
}

// clone copies what Step changes in place.
func (s State) clone() State {
	s.Verifications = slices.Clone(s.Verifications)
	for i := range s.Verifications {
		v := &s.Verifications[i]
		v.Outcomes, v.DisputeDigests = slices.Clone(v.Outcomes), slices.Clone(v.DisputeDigests)
	}
	s.MailSlots = slices.Clone(s.MailSlots)
	s.Unmatched = slices.Clone(s.Unmatched)
	return s
}
