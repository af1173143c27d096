package topics

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// What a MailCommand may ask for.
const (
	RetryMail      = "retry"      // what failed, stayed without a reply or was called off
	CancelMail     = "cancel"     // what waits
	UnsuppressMail = "unsuppress" // take the address off the list
)

// MailCommand is what an operator asks of the notification service, on
// mail_commands. Repeating one is harmless: it has an effect only where there
// is something left to do.
type MailCommand struct {
	ID          string    `json:"command_id"`
	Type        string    `json:"type"` // retry, cancel, unsuppress
	Email       string    `json:"email"`
	MailID      string    `json:"mail_id,omitempty"` // of retry and cancel
	RequestedAt time.Time `json:"requested_at"`
}

// SuppressionKey is how mail_suppressions names a normalised address: by its
// SHA-256, in hex. Who knows an address can look whether it is there; who has
// the list must guess.
func SuppressionKey(address string) string {
	sum := sha256.Sum256([]byte("countersign suppression\n" + address))
	return hex.EncodeToString(sum[:])
}

// MailSuppression says since when an address is not mailed any more, and what
// the relay had said; on mail_suppressions. Without a value it was taken off.
type MailSuppression struct {
	At    time.Time `json:"at"`
	Reply string    `json:"reply"`
}
