package api

import (
	"context"
	"slices"
	"time"

	"countersign/user"
)

// Rules:
//   - for display only: evidence is the 200 of verify and the internal lookup;
//   - a registration that the view does not show yet is pending, as its handle says;
//   - a verification that was erased, or closed by another one's proof is expired;
//   - its mail is accepted, or undeliverable when this verification's own last mail failed for good: what the relay said is
//     internal. One that was given a mail and has no answer to it yet shows what became of the address's last one: of an
//     address that is verified there will be none, and nobody must see that by a mailbox that refuses.

type statusRequest struct {
	VerificationID string `path:"verification_id" format:"verification-id" doc:"From the answer to register, or the part of the mail's link before the dot."`
}

type verificationStatus struct {
	Status            string `json:"status" enum:"pending,verified,expired" example:"pending"`
	Reference         string `json:"reference" pattern:"^[2-9B-DF-HJKMNP-TV-XZ]{3}$" doc:"Three characters that stand in the mail, too." example:"7KX"`
	Email             string `json:"email" doc:"Whom it is for." example:"ada@example.com"`
	FirstName         string `json:"first_name,omitempty" example:"Ada"`
	ExpiresIn         int    `json:"expires_in" minimum:"0" maximum:"600" doc:"Seconds in which the code is valid." example:"540"`
	AttemptsRemaining int    `json:"attempts_remaining" minimum:"0" maximum:"10" doc:"Wrong codes that may still come." example:"5"`
	Mail              string `json:"mail" enum:"accepted,undeliverable" example:"accepted"`
}

func (p *public) status(_ context.Context, r *statusRequest) (*verificationStatus, error) {
	h, _, wrong := p.open(r.VerificationID)
	if problem := badFields(wrong...); problem != nil {
		return nil, problem
	}
	state, _, err := p.Users.Get(h.Email)
	if err != nil {
		return nil, p.notRead(h, err)
	}
	mails, err := p.Mails.Of(h.Email)
	if err != nil {
		return nil, p.notRead(h, err)
	}
	v := user.Verification{
		ID: h.VerificationID, Status: user.VerificationOpen, Slot: true,
		ExpiresAt: h.OpenedAt.Add(time.Duration(p.Policy.CodeTTLSeconds) * time.Second),
	}
	if known := state.Verification(h.VerificationID); known != nil {
		v = *known
	} else if !h.OpenedAt.After(state.ErasedAt) {
		v.Status = user.VerificationClosed
	}
	shown := &verificationStatus{
		Status: shownStatus(v), Reference: user.Reference(h.VerificationID), Email: h.Email, FirstName: v.FirstName,
		AttemptsRemaining: v.TriesLeft(p.Policy), Mail: shownMail(mails, v),
	}
	if shown.Status == "pending" {
		shown.ExpiresIn = secondsUntil(v.ExpiresAt)
	}
	return shown, nil
}

func shownStatus(v user.Verification) string {
	switch {
	case v.Status == user.VerificationVerified:
		return "verified"
	case v.Status == user.VerificationClosed || v.Expired(time.Now()):
		return "expired"
	}
	return "pending"
}

func shownMail(newestFirst []Mail, v user.Verification) string {
	answered := func(m Mail) bool { return m.State == "sent" || m.State == "failed" }
	i := slices.IndexFunc(newestFirst, func(m Mail) bool { return m.VerificationID == v.ID })
	if v.Slot && (i < 0 || !answered(newestFirst[i])) {
		i = slices.IndexFunc(newestFirst, answered)
	}
	if i >= 0 && newestFirst[i].State == "failed" {
		return "undeliverable"
	}
	return "accepted"
}
