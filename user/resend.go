package user

import "time"

// Rules:
//   - asking again mails the same code, with its expiry and failures;
//   - with less than three minutes left it makes a new one with its own ten minutes, in the same
//     verification, with the same count of failures;
//   - a verification without a code gets its first, with the expiry it has: whether the expiry moves
//     tells nobody whether there is a code;
//   - a verification that is proven, closed, gone or out of tries gets no mail.

// RenewBelow is how long a code must still live to be mailed again; with less a
// resend makes a new one.
const RenewBelow = 3 * time.Minute

func (s *State) resend(c Command, now time.Time) []Event {
	v := s.Verification(c.VerificationID)
	if v == nil || v.Status != VerificationOpen || v.TriesLeft(c.Policy) == 0 || v.SecretID != c.SecretID || !s.takeSlot(c, now) {
		return nil
	}
	v.Slot = true
	if v.ExpiresAt.Sub(now) < RenewBelow {
		v.ExpiresAt = now.Add(c.Policy.codeTTL())
		v.Nonce, v.AnswerDigest, v.LinkDigest = nil, nil, nil
	}
	return s.mailCode(c, v, now)
}
