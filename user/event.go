package user

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"
)

// EventType names a transition of an account; it is also its topic's name.
type EventType string

// The events.
const (
	AccountCreated       EventType = "user_account_created"       // a new account waits for its code; once an account
	AccountVerified      EventType = "user_account_verified"      // the address is proven; once an account
	CodeRequested        EventType = "user_code_requested"        // an account waits for a code again
	RegistrationRepeated EventType = "user_registration_repeated" // a verified address registered again; at most once a day
	AccountDeleted       EventType = "user_account_deleted"       // an account was erased, or removed unproven: forget who it was
)

// Event tells of a transition. Its JSON is what the topics carry.
type Event struct {
	Type         EventType `json:"-"`
	ID           string    `json:"event_id"` // derived from command id, type, sequence and time: two events with one id are equal
	OccurredAt   time.Time `json:"occurred_at"`
	Sequence     int64     `json:"sequence"` // the state's version: ignore what is not above the last applied for a user_id
	UserID       string    `json:"user_id"`
	Email        string    `json:"email"`
	FirstName    string    `json:"first_name"`
	LastName     string    `json:"last_name"`
	Locale       string    `json:"locale"`
	NoMail       bool      `json:"no_mail,omitempty"` // the owner wants no mail at present, not even this one's
	Verification *CodeRef  `json:"verification,omitempty"`
	Code         string    `json:"code,omitempty"` // only with EVENTS_INCLUDE_CODE
}

// CodeRef is what a holder of the secret needs to make the code again.
type CodeRef struct {
	ID        string    `json:"id"`
	Nonce     []byte    `json:"nonce,omitempty"`
	SecretID  string    `json:"secret_id"`
	OpenedAt  time.Time `json:"opened_at"`
	ExpiresAt time.Time `json:"expires_at"`
	LinkOnly  bool      `json:"link_only,omitempty"` // the account's digits are locked: mail no code
}

// event makes an event of the state as it is now, in the names of verification v if there is one: of a
// repeated registration, perhaps a stranger's, in the account's own.
func (s *State) event(t EventType, commandID string, v *Verification) Event {
	e := Event{
		Type: t, ID: eventID(commandID, t, s.Version, s.UpdatedAt), OccurredAt: s.UpdatedAt, Sequence: s.Version,
		UserID: s.UserID, Email: s.Email,
	}
	if v == nil {
		return e
	}
	e.FirstName, e.LastName, e.Locale = v.FirstName, v.LastName, v.Locale
	if t == RegistrationRepeated {
		e.FirstName, e.LastName, e.Locale = s.FirstName, s.LastName, s.Locale
	}
	if t != AccountVerified {
		e.Verification = &CodeRef{ID: v.ID, Nonce: v.Nonce, SecretID: v.SecretID, OpenedAt: v.OpenedAt, ExpiresAt: v.ExpiresAt, LinkOnly: s.locked(s.UpdatedAt)}
	}
	return e
}

// CausedBy says whether a command with that id caused the event, whose Type must be set.
func (e Event) CausedBy(commandID string) bool {
	return e.ID == eventID(commandID, e.Type, e.Sequence, e.OccurredAt)
}

func eventID(commandID string, t EventType, sequence int64, at time.Time) string {
	return deriveID(commandID, string(t), strconv.FormatInt(sequence, 10), at.UTC().Format(time.RFC3339Nano))
}

// deriveID makes an id that is the same whenever it is made again (RFC 9562 §5.8, version 8).
func deriveID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(appendField(nil, []byte(p)))
	}
	return formatUUID(h.Sum(nil))
}

// formatUUID writes the first 16 bytes as a UUID of version 8 (RFC 9562 §5.8).
func formatUUID(b []byte) string {
	var u [16]byte
	copy(u[:], b)
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
