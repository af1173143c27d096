package api

import (
	"context"
	"time"

	"countersign/user"
)

// Rules:
//   - answered when the command is acknowledged, alike whatever the account's state is (OWASP ASVS 5.0 6.3.8);
//   - expires_in is what the view shows if a code can be entered in that time, else that of a new one.

type resendRequest struct {
	VerificationID string `json:"verification_id" format:"verification-id" doc:"From the answer to register."`
}

func (p *public) resend(ctx context.Context, key string, r resendRequest) (*accepted, error) {
	h, secret, wrong := p.open(r.VerificationID)
	if problem := badFields(wrong...); problem != nil {
		return nil, problem
	}
	state, _, err := p.Users.Get(h.Email)
	if err != nil {
		return nil, p.notRead(h, err)
	}
	c := p.command(user.Resend, secret, canonical(h.VerificationID), key, h)
	c.SetCode(secret, random(user.NonceSize))
	p.askMail(ctx, &c)
	if err := p.send(ctx, c); err != nil {
		return nil, err
	}
	a := &accepted{
		VerificationID: r.VerificationID, Reference: user.Reference(h.VerificationID),
		ExpiresIn: p.Policy.CodeTTLSeconds, ResendIn: p.Policy.MailIntervalSeconds,
	}
	if v := state.Verification(h.VerificationID); v != nil && time.Until(v.ExpiresAt) >= user.RenewBelow {
		a.ExpiresIn = secondsUntil(v.ExpiresAt)
	}
	return a, nil
}

// secondsUntil counts the whole seconds until t, 0 if it is past.
func secondsUntil(t time.Time) int { return max(0, int(time.Until(t)/time.Second)) }
