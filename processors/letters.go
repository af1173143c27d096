package processors

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"countersign/mail"
	"countersign/user"
)

// Rules:
//   - code and links are made from the secret when a letter is written; no topic and no row has them;
//   - a mail whose secret is not here gets no letter, and never another code.

// Letters returns what composes the secret part of a mail: the code, and the
// links that open pages at publicURL. A mail whose secret is not known here
// gets an error that wraps user.ErrUnknownSecret, never another code.
func Letters(secrets user.Secrets, publicURL string) func(mail.Mail) (mail.Letter, error) {
	return func(m mail.Mail) (mail.Letter, error) {
		if m.Nonce == "" {
			return mail.Letter{}, nil // no verification waits for an answer to it
		}
		secret, err := secrets.Find(m.SecretID)
		if err != nil {
			return mail.Letter{}, fmt.Errorf("COUNTERSIGN_SECRETS must hold what the api that took the registration has: %w", err)
		}
		nonce, err := base64.StdEncoding.DecodeString(m.Nonce)
		if err != nil {
			return mail.Letter{}, fmt.Errorf("nonce of mail %s: %w", m.ID, err)
		}
		var seal [user.HandleNonceSize]byte
		rand.Read(seal[:])
		handle := secret.Seal(user.Handle{VerificationID: m.VerificationID, Email: m.To, OpenedAt: m.OpenedAt}, seal[:])
		letter := mail.Letter{
			Dispute:   publicURL + "/dispute#" + handle + "." + secret.DisputeToken(m.To, m.VerificationID, nonce),
			Reference: user.Reference(m.VerificationID),
		}
		if m.Kind == mail.VerifyAccount {
			letter.Link = publicURL + "/#" + handle + "." + secret.LinkToken(m.To, m.VerificationID, nonce)
			if !m.LinkOnly {
				letter.Code = secret.Code(m.To, m.VerificationID, nonce)
			}
		}
		return letter, nil
	}
}
