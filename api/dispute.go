package api

import (
	"context"

	"countersign/user"
)

// Rules:
//   - "I did not ask for this" is answered as soon as the command is acknowledged, alike whatever the verification is by now
//     and whether the token is its own; what comes of it is user.Step's;
//   - it is the mail's other link; nothing that the page knows is enough.

type disputeRequest struct {
	VerificationID string `json:"verification_id" format:"verification-id" doc:"The part of the link before the dot."`
	Token          string `json:"token" pattern:"^[A-Za-z0-9_-]{21}[AQgw]$" doc:"The part of the link behind the dot." example:"J3dTnx1pQWcY7sVbZk0m4A"`
}

// disputed answers dispute.
type disputed struct {
	Reference string `json:"reference" pattern:"^[2-9B-DF-HJKMNP-TV-XZ]{3}$" doc:"The three characters that stand in the mail, too." example:"K7M"`
}

func (p *public) dispute(ctx context.Context, key string, r disputeRequest) (*disputed, error) {
	h, secret, wrong := p.open(r.VerificationID)
	if problem := badFields(append(wrong, badToken(r.Token)...)...); problem != nil {
		return nil, problem
	}
	c := p.command(user.Dispute, secret, canonical(h.VerificationID, r.Token), key, h)
	c.TokenDigest = user.TokenDigest(r.Token)
	if err := p.send(ctx, c); err != nil {
		return nil, err
	}
	return &disputed{Reference: user.Reference(h.VerificationID)}, nil
}

// badToken says what is wrong with the form of a token.
func badToken(token string) []FieldError {
	if user.IsToken(token) {
		return nil
	}
	return []FieldError{wrongField("token", tokenMalformed)}
}
