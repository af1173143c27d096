package user

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// Rules:
//   - a code has six digits (NIST SP 800-63B-4 §3.1.3, OWASP ASVS 5.0 6.5.3), made from a secret
//     and a random nonce by the truncation of HOTP (RFC 4226 §5.3);
//   - neither code nor token is stored or sent to a topic: a guess travels as an HMAC of it, the state holds
//     the digest of the right one's;
//   - the tokens of the mail's two links have 128 bits each: one proves the address, the other disputes;
//   - every field that goes into an HMAC is length-prefixed, so no two inputs look alike.

const (
	// CodeDigits is the length of a code.
	CodeDigits = 6
	// NonceSize is the length of a nonce in bytes.
	NonceSize = 16
	// MinSecretSize is the least length of a secret in bytes.
	MinSecretSize = 32

	digestSize = sha256.Size
	tokenSize  = 16
)

// Secret is one named key from which codes, tokens and handles are made. It
// prints and marshals as its id.
type Secret struct {
	id string
	// fmt shows what another's unexported field holds, but nothing of what a pointer points to or a function returns.
	macs    *sync.Pool // of HMACs with the key: one costs more to make than to use
	handles func() cipher.AEAD
}

// ID names the secret; it is no secret itself.
func (s Secret) ID() string { return s.id }

// String returns the id, so that no log line can show the key.
func (s Secret) String() string { return "secret " + s.id }

// GoString returns the id, so that no log line can show the key.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON writes the id, so that no message can carry the key.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.id) }

// Secrets holds the first secret, which signs, and the older ones, which only check.
type Secrets []Secret

// ErrSecrets is wrapped by every error of ParseSecrets.
var ErrSecrets = errors.New("must be id:base64 pairs separated by commas, each key of at least 32 bytes")

// ParseSecrets reads "id:base64,…". Ids have 1 to 16 letters, digits, - or _.
// Errors never show a part of a key.
func ParseSecrets(text string) (Secrets, error) {
	var all Secrets
	for i, pair := range strings.Split(text, ",") {
		id, encoded, found := strings.Cut(strings.TrimSpace(pair), ":")
		if !found || !validSecretID(id) {
			return nil, fmt.Errorf("%w: pair %d has no id of 1 to 16 letters, digits, - or _", ErrSecrets, i+1)
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			key, err = base64.RawURLEncoding.DecodeString(encoded)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: the key of %s is not base64", ErrSecrets, id)
		}
		if len(key) < MinSecretSize {
			return nil, fmt.Errorf("%w: the key of %s has %d bytes", ErrSecrets, id, len(key))
		}
		if _, err := all.Find(id); err == nil {
			return nil, fmt.Errorf("%w: id %s stands twice", ErrSecrets, id)
		}
		secret := Secret{id: id, macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
		secret.handles = sync.OnceValue(secret.newHandleCipher)
		all = append(all, secret)
	}
	return all, nil
}

func validSecretID(id string) bool {
	return len(id) >= 1 && len(id) <= 16 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// ErrUnknownSecret means that no secret of that id is configured here.
var ErrUnknownSecret = errors.New("unknown secret id")

// Find returns the secret with that id, else an error that wraps ErrUnknownSecret.
func (s Secrets) Find(id string) (Secret, error) {
	for _, k := range s {
		if k.id == id {
			return k, nil
		}
	}
	return Secret{}, fmt.Errorf("%w: %q", ErrUnknownSecret, id)
}

// First returns the secret that signs; ParseSecrets gives at least one.
func (s Secrets) First() Secret { return s[0] }

// mac is HMAC-SHA-256 over length-prefixed fields, the first of which names the use.
func (s Secret) mac(use string, fields ...[]byte) []byte {
	text := appendField(make([]byte, 0, 256), []byte(use))
	for _, f := range fields {
		text = appendField(text, f)
	}
	h := s.macs.Get().(hash.Hash)
	defer s.macs.Put(h)
	h.Reset()
	h.Write(text)
	return h.Sum(nil)
}

// appendField appends b behind its length.
func appendField(to, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(b))), b...)
}

// Code makes the six digits of a verification's nonce.
func (s Secret) Code(email, verificationID string, nonce []byte) string {
	sum := s.mac("code", []byte(email), []byte(verificationID), nonce)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return strconv.Itoa(int(1_000_000 + n%1_000_000))[1:] // with its leading zeros
}

// LinkToken makes the token of the mail's link: base64url, 128 bits.
func (s Secret) LinkToken(email, verificationID string, nonce []byte) string {
	sum := s.mac("link", []byte(email), []byte(verificationID), nonce)
	return base64.RawURLEncoding.EncodeToString(sum[:tokenSize])
}

// DisputeToken makes the token of the mail's other link, "I did not ask for this": base64url, 128 bits.
func (s Secret) DisputeToken(email, verificationID string, nonce []byte) string {
	sum := s.mac("dispute", []byte(email), []byte(verificationID), nonce)
	return base64.RawURLEncoding.EncodeToString(sum[:tokenSize])
}

// Answer turns a guessed code into what a command carries.
func (s Secret) Answer(email, verificationID, guess string) []byte {
	return s.mac("answer", []byte(email), []byte(verificationID), []byte(guess))
}

// TokenDigest turns a link's token into what a command carries.
func TokenDigest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// SetCode puts a new code for nonce into a register or resend command: its
// digests, never the code.
func (c *Command) SetCode(s Secret, nonce []byte) {
	answer := sha256.Sum256(s.Answer(c.Email, c.VerificationID, s.Code(c.Email, c.VerificationID, nonce)))
	link := sha256.Sum256(TokenDigest(s.LinkToken(c.Email, c.VerificationID, nonce)))
	dispute := sha256.Sum256(TokenDigest(s.DisputeToken(c.Email, c.VerificationID, nonce)))
	c.SecretID, c.Nonce, c.AnswerDigest, c.LinkDigest, c.DisputeDigest = s.ID(), nonce, answer[:], link[:], dispute[:]
}

// CommandID makes the id of a call from its idempotency key: the same call,
// body and key make the same command, anything else another.
func (s Secret) CommandID(call string, body []byte, key string) string {
	return formatUUID(s.mac("command", []byte(call), body, []byte(key)))
}

// NewVerificationID makes the id of the verification that a register call opens; a repeat makes the same.
func (s Secret) NewVerificationID(body []byte, key string) string {
	return formatUUID(s.mac("verification", body, []byte(key)))
}

// IsCode says whether text has the form of a code.
func IsCode(text string) bool {
	return len(text) == CodeDigits && strings.Trim(text, "0123456789") == ""
}

// IsToken says whether text has the form of a link's token.
func IsToken(text string) bool {
	b, err := decodeURL(text)
	return err == nil && len(b) == tokenSize
}

// decodeURL reads base64url that has one spelling only: Go's decoder skips line ends.
func decodeURL(text string) ([]byte, error) {
	if at := strings.IndexAny(text, "\r\n"); at >= 0 {
		return nil, base64.CorruptInputError(at)
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}
