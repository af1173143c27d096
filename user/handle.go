package user

import (
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Rules:
//   - a verification's public id is sealed (XChaCha20-Poly1305), so no address stands in a URL and a
//     made-up id is refused before it reaches a topic;
//   - whoever holds it may guess, ask again and look; nobody else can;
//   - it is refused 25 h after it was opened: an hour longer than the verification lives.

// HandleNonceSize is the length in bytes of the random nonce that Seal takes.
const HandleNonceSize = chacha20poly1305.NonceSizeX

const (
	handleLife    = verificationLife + time.Hour
	handleVersion = "1"
	maxHandle     = 1024 // characters; the longest address makes fewer
)

// Handle is what a verification's public id holds.
type Handle struct {
	VerificationID string    `json:"v"`
	Email          string    `json:"e"`
	OpenedAt       time.Time `json:"t"`
	SecretID       string    `json:"-"` // of the secret that sealed it
}

// ErrHandle means that a public id is made up, damaged, sealed by an unknown secret or too old.
var ErrHandle = errors.New("no such verification")

// Seal makes the public id. nonce must be random and of HandleNonceSize bytes.
// Sealing again with another nonce gives another text that opens to the same.
func (s Secret) Seal(h Handle, nonce []byte) string {
	aead := s.handles()
	h.OpenedAt = h.OpenedAt.UTC().Truncate(time.Second)
	plain, err := json.Marshal(h)
	if err != nil {
		panic(err) // two strings and a time always marshal
	}
	sealed := aead.Seal(nonce[:len(nonce):len(nonce)], nonce, plain, []byte(handlePrefix(s.id)))
	return handlePrefix(s.id) + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open reads a public id. now is only used to refuse one older than 25 h.
// Whatever is wrong with it, the error is ErrHandle.
func (s Secrets) Open(text string, now time.Time) (Handle, error) {
	parts := strings.Split(text, "~")
	if len(text) > maxHandle || len(parts) != 3 || parts[0] != handleVersion {
		return Handle{}, ErrHandle
	}
	secret, err := s.Find(parts[1])
	if err != nil {
		return Handle{}, ErrHandle
	}
	sealed, err := decodeURL(parts[2])
	if err != nil || len(sealed) < HandleNonceSize {
		return Handle{}, ErrHandle
	}
	plain, err := secret.handles().Open(nil, sealed[:HandleNonceSize], sealed[HandleNonceSize:], []byte(handlePrefix(secret.id)))
	if err != nil {
		return Handle{}, ErrHandle
	}
	h := Handle{SecretID: secret.id}
	if err := json.Unmarshal(plain, &h); err != nil || now.Sub(h.OpenedAt) > handleLife {
		return Handle{}, ErrHandle
	}
	return h, nil
}

// handlePrefix stands in front of the sealed part, and is bound to it. ~ needs
// no escaping in a URL (RFC 3986 §2.3) and stands in no secret's id.
func handlePrefix(secretID string) string { return handleVersion + "~" + secretID + "~" }

// newHandleCipher makes what seals handles.
func (s Secret) newHandleCipher() cipher.AEAD {
	aead, err := chacha20poly1305.NewX(s.mac("handle"))
	if err != nil {
		panic(err) // an HMAC-SHA-256 always has the key's 32 bytes
	}
	return aead
}
