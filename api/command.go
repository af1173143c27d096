package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/sirupsen/logrus"

	"countersign/user"
)

// Rules:
//   - a request repeated with its Idempotency-Key and body is the same command; another body is another one;
//   - a key has 16 to 255 visible characters; where none is given, one is made, so that the answer
//     can name the key to repeat with;
//   - what is random in a command (nonces, handles) is made here, fresh for each request;
//   - no acknowledgement within 2.5 s: the outcome is unknown, it may still happen.

const (
	acknowledgeWithin = 2500 * time.Millisecond
	madeKeySize       = 24 // bytes

	keyPattern = "^[!-~]{16,255}$"
)

var isKey = regexp.MustCompile(keyPattern).MatchString

// idempotencyKey returns the key of a request: the one given, or a new one.
func idempotencyKey(given string) (string, *Problem) {
	if given == "" {
		return base64.RawURLEncoding.EncodeToString(random(madeKeySize)), nil
	}
	if !isKey(given) {
		return "", keyProblem()
	}
	return given, nil
}

func keyProblem() *Problem {
	return newProblem(idempotencyKeyInvalid, "")
}

// random returns bytes that nobody can guess.
func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

// canonical is what a request asks for, in one spelling.
func canonical(fields ...string) []byte {
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

// command begins a command of the call on a verification.
func (p *public) command(call user.CommandType, s user.Secret, body []byte, key string, h user.Handle) user.Command {
	return user.Command{
		ID: s.CommandID(string(call), body, key), Type: call, Email: h.Email, VerificationID: h.VerificationID,
		IssuedAt: time.Now().UTC(), Policy: p.Policy,
	}
}

// send hands a command over and waits for the acknowledgement.
func (p *public) send(ctx context.Context, c user.Command) error {
	if problem := refused(ctx); problem != nil {
		return problem
	}
	ctx, cancel := context.WithTimeout(ctx, acknowledgeWithin)
	defer cancel()
	if err := p.Commands.Send(ctx, c); err != nil {
		return p.failed("send command", c.VerificationID, err)
	}
	p.Log.WithFields(logrus.Fields{"command": c.Type, "verification_id": c.VerificationID, "address": p.emailInLog(c.Email)}).Debug("command sent")
	return nil
}

// failed logs why a call could not be answered and returns its problem.
func (p *public) failed(doing, verificationID string, err error) *Problem {
	p.Log.WithFields(logrus.Fields{"doing": doing, "verification_id": verificationID}).WithError(err).Warn("call not answered")
	return notDone(err, "")
}

// notDone is the problem of what Kafka did not acknowledge; repeat says how to be certain, if it is not by the key.
func notDone(err error, repeat string) *Problem {
	switch {
	case errors.Is(err, ErrUnavailable):
		return newProblem(unavailable, "")
	case errors.Is(err, ErrOverloaded):
		return newProblem(overloaded, "")
	}
	return newProblem(outcomeUnknown, repeat)
}

// notRead is the problem of a view that cannot answer.
func (p *public) notRead(h user.Handle, err error) *Problem {
	return p.failed("read view", h.VerificationID, fmt.Errorf("%w: %w", ErrUnavailable, err))
}

// open opens a verification's public id and returns the secret that sealed it.
func (p *public) open(id string) (user.Handle, user.Secret, []FieldError) {
	h, err := p.Secrets.Open(id, time.Now())
	if err == nil {
		var s user.Secret
		if s, err = p.Secrets.Find(h.SecretID); err == nil {
			return h, s, nil
		}
	}
	return user.Handle{}, user.Secret{}, []FieldError{wrongField("verification_id", verificationIDInvalid)}
}
