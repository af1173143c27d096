package api

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/user"
)

// Rules:
//   - answered as soon as the command is acknowledged, alike whatever the account's state is (OWASP ASVS 5.0 6.3.8);
//   - expires_in is what the view shows if a code can be entered in that time, else that of a new one;
//   - the view is read while Kafka acknowledges: the time it takes tells how much is known of the address. So where it
//     cannot be read the command may be on its way already, and its outcome is unknown.

type resendRequest struct {
	VerificationID string `json:"verification_id" format:"verification-id" doc:"From the answer to register."`
}

func (p *public) resend(ctx context.Context, key string, r resendRequest) (*accepted, error) {
	h, secret, wrong := p.open(r.VerificationID)
	if problem := badFields(wrong...); problem != nil {
		return nil, problem
	}
	c := p.command(user.Resend, secret, canonical(h.VerificationID), key, h)
	c.SetCode(secret, random(user.NonceSize))
	p.askMail(ctx, &c)
	var state user.State
	var reading errgroup.Group
	reading.Go(func() (err error) {
		state, _, err = p.Users.Get(h.Email)
		return err
	})
	sent, read := p.send(ctx, c), reading.Wait()
	if sent != nil {
		return nil, sent
	}
	if read != nil {
		return nil, p.failed("read view", h.VerificationID, fmt.Errorf("%w: %w", ErrOutcomeUnknown, read))
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
