package api

import (
	"context"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/sirupsen/logrus"

	"countersign/user"
)

// Rules:
//   - the answer is the outcome that the state holds for this command id, so a repeat gets the same one;
//   - what is final is answered from the view, without a command;
//   - else the command is sent and its outcome awaited for 5 s; then it is unknown, not failed;
//   - a code leaves this file only as what user.Secret.Answer makes of it;
//   - success and failure are logged, without secrets (OWASP ASVS 5.0 16.3.1).

const outcomeWithin = 5 * time.Second

type verifyRequest struct {
	VerificationID string `json:"verification_id" format:"verification-id" doc:"From the answer to register."`
	Code           string `json:"code,omitempty" pattern:"^([0-9]{6})?$" doc:"The six digits of the mail. Give this or token." example:"123456"`
	Token          string `json:"token,omitempty" pattern:"^([A-Za-z0-9_-]{21}[AQgw])?$" doc:"The token of the mail's link. Give this or code."`
}

// TransformSchema adds that either code or token is given; an empty one is none.
func (verifyRequest) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.OneOf = []*huma.Schema{given("code"), given("token")}
	return s
}

func given(field string) *huma.Schema {
	least := 1
	return &huma.Schema{Required: []string{field}, Properties: map[string]*huma.Schema{field: {MinLength: &least}}}
}

type verified struct {
	Status     string    `json:"status" enum:"verified" example:"verified"`
	UserID     string    `json:"user_id" format:"uuid" doc:"The account; it stays the same." example:"0c8c2514-48fc-87a5-aaf6-d3d983c9b9ff"`
	Email      string    `json:"email" doc:"The address that is proven, in its one spelling." example:"ada@example.com"`
	VerifiedAt time.Time `json:"verified_at" example:"2026-01-31T12:00:00Z"`
}

func (p *public) verify(ctx context.Context, key string, r verifyRequest) (*verified, error) {
	h, secret, wrong := p.open(r.VerificationID)
	if problem := badFields(append(wrong, badGuess(r)...)...); problem != nil {
		return nil, problem
	}
	c := p.command(user.Verify, secret, canonical(h.VerificationID, r.Code, r.Token), key, h)
	field := "code"
	if r.Token != "" {
		field = "token"
		c.TokenDigest = user.TokenDigest(r.Token)
	} else {
		c.Answer = secret.Answer(h.Email, h.VerificationID, r.Code)
	}
	state, outcome, err := p.outcome(ctx, h, c)
	if err != nil {
		return nil, err
	}
	p.Log.WithFields(logrus.Fields{"verification_id": h.VerificationID, "address": p.emailInLog(h.Email), "by": field, "result": outcome.Result}).Info("verification answered")
	if outcome.Result == user.Verified {
		return &verified{Status: string(user.StatusVerified), UserID: state.UserID, Email: state.Email, VerifiedAt: state.VerifiedAt}, nil
	}
	return nil, refusal(outcome, field)
}

// badGuess says what is wrong with the form of a guess.
func badGuess(r verifyRequest) []FieldError {
	switch {
	case r.Code != "" && r.Token != "":
		return []FieldError{{"token", fieldInvalid, "must not stand beside code: give one of them"}}
	case r.Token != "":
		return badToken(r.Token)
	case r.Token == "" && !user.IsCode(r.Code):
		return []FieldError{wrongField("code", codeMalformed)}
	}
	return nil
}

// outcome returns what came of the command, sending it only if nothing has yet.
func (p *public) outcome(ctx context.Context, h user.Handle, c user.Command) (user.State, user.Outcome, error) {
	state, _, err := p.Users.Get(h.Email)
	if err != nil {
		return state, user.Outcome{}, p.notRead(h, err)
	}
	if o, ok := state.Outcome(c.VerificationID, c.ID); ok {
		return state, o, nil
	}
	if result, ok := state.Settled(c.VerificationID, len(c.TokenDigest) > 0, p.Policy); ok {
		return state, user.Outcome{Result: result}, nil
	}
	if err := p.send(ctx, c); err != nil {
		return state, user.Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, outcomeWithin)
	defer cancel()
	state, o, err := p.Users.Await(ctx, c.Email, c.VerificationID, c.ID)
	if err != nil {
		return state, o, p.failed("await outcome", c.VerificationID, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
	}
	return state, o, nil
}

// refusals say what to do about an outcome that proved nothing.
var refusals = map[user.Result]string{
	user.CodeInvalid:     "is not what was mailed for this verification",
	user.CodeExpired:     "is no longer valid, or was used already: look at the status, ask for another, or register again",
	user.TooManyAttempts: "cannot be tried any more: register again, waiting does not help",
}

func refusal(o user.Outcome, field string) *Problem {
	p := badFields(FieldError{field, string(o.Result), refusals[o.Result]})
	switch o.Result {
	case user.CodeInvalid:
		p.AttemptsRemaining = &o.AttemptsRemaining
	case user.TooManyAttempts:
		p.Next = string(user.Register)
	}
	return p
}
