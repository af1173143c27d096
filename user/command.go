package user

import (
	"errors"
	"fmt"
	"time"
)

// CommandType names what is asked.
type CommandType string

// The commands.
const (
	Register CommandType = "register"
	Verify   CommandType = "verify"
	Resend   CommandType = "resend"
	Dispute  CommandType = "dispute" // "I did not ask for this", by the mail's link
	Erase    CommandType = "erase"
	Sweep    CommandType = "sweep" // drop what has been kept long enough, by the users role itself
)

// Command asks for one change of one address. Whatever Step decides by is in
// the command, the state or a constant: what is random and what is a setting
// travels in it.
type Command struct {
	ID             string      `json:"command_id"` // the same id again has no second effect
	Type           CommandType `json:"type"`
	Email          string      `json:"email"`                     // normalised
	VerificationID string      `json:"verification_id,omitempty"` // of all but erase and sweep
	IssuedAt       time.Time   `json:"issued_at"`                 // by the sender's clock: shown, never decided by

	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Locale    string `json:"locale,omitempty"`

	// Register, and resend in case it needs a new code.
	SecretID      string `json:"secret_id,omitempty"`
	Nonce         []byte `json:"nonce,omitempty"`
	AnswerDigest  []byte `json:"answer_digest,omitempty"`
	LinkDigest    []byte `json:"link_digest,omitempty"`
	DisputeDigest []byte `json:"dispute_digest,omitempty"`

	// Register and resend: who asks, and whether a limit that is not this address's leaves no mail.
	Client       string `json:"client,omitempty"` // Secret.Client; empty: unknown
	WithholdMail bool   `json:"withhold_mail,omitempty"`

	// Verify has one of the two, dispute a token.
	Answer      []byte `json:"answer,omitempty"`       // made from the guessed code
	TokenDigest []byte `json:"token_digest,omitempty"` // SHA-256 of a link's token

	Policy Policy `json:"policy"`

	// FirstRecorded is when the command first stood on its topic, by the broker's clock, if its record is a later copy of
	// it; zero: it is none. It is told by the record, not by its value.
	FirstRecorded time.Time `json:"-"`
}

// ErrInvalidCommand is wrapped by every error of Validate.
var ErrInvalidCommand = errors.New("invalid command")

// Lengths in bytes that no command of ours goes beyond.
const (
	// MaxLocale is that of the longest tag that must be taken (RFC 5646 §4.4.1).
	MaxLocale = 35

	maxID = 64
)

// Validate says what is wrong with the command, naming the field and never a
// value. Every text is bounded, so a row made of valid commands is.
func (c Command) Validate() error {
	need := func(field string, ok bool) error {
		if ok {
			return nil
		}
		return fmt.Errorf("%w: %s: %s is missing or not as it must be", ErrInvalidCommand, c.Type, field)
	}
	id := func(field, value string) error { return need(field, value != "" && len(value) <= maxID) }
	name := func(field, value string) error {
		normal, err := NormalizeName(value)
		return need(field, err == nil && normal == value)
	}
	code := func() error {
		return errors.Join(
			need("secret_id", validSecretID(c.SecretID)),
			need("nonce", len(c.Nonce) == NonceSize),
			need("answer_digest", len(c.AnswerDigest) == digestSize),
			need("link_digest", len(c.LinkDigest) == digestSize),
			need("dispute_digest", len(c.DisputeDigest) == 0 || len(c.DisputeDigest) == digestSize), // none: of an api that is older
			need("client", len(c.Client) <= maxID),
		)
	}
	err := errors.Join(
		id("command_id", c.ID),
		need("email", c.Email != "" && len(c.Email) <= maxAddress),
	)
	if c.Type != Erase && c.Type != Sweep {
		err = errors.Join(err, id("verification_id", c.VerificationID))
	}
	switch c.Type {
	case Erase, Sweep:
		return err
	case Register:
		if c.LastName != "" {
			err = errors.Join(err, name("last_name", c.LastName))
		}
		return errors.Join(err, name("first_name", c.FirstName), need("locale", len(c.Locale) <= MaxLocale), code())
	case Resend:
		return errors.Join(err, code())
	case Dispute:
		return errors.Join(err, need("token_digest", len(c.TokenDigest) == digestSize))
	case Verify:
		return errors.Join(err, need("answer or token_digest", max(len(c.Answer), len(c.TokenDigest)) == digestSize && min(len(c.Answer), len(c.TokenDigest)) == 0))
	}
	return fmt.Errorf("%w: type must be one of %s, %s, %s, %s, %s, %s", ErrInvalidCommand, Register, Verify, Resend, Dispute, Erase, Sweep)
}
