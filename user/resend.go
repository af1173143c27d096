package user

import "time"

// Rules:
//   - asking again mails the same code, with its expiry and failures;
//   - with less than three minutes left, or without a code, it makes a new one in the same
//     verification, with the same count of failures;
//   - a verification that is proven, closed, gone or out of tries gets no mail.

const renewBelow = 3 * time.Minute

func (s *State) resend(c Command, now time.Time) []Event {
	v := s.Verification(c.VerificationID)
	if v == nil || v.Status != VerificationOpen || v.triesLeft(c.Policy) == 0 || v.SecretID != c.SecretID || !s.takeSlot(c.Policy, now) {
		return nil
	}
	v.Slot = true
	if len(v.AnswerDigest) > 0 && v.ExpiresAt.Sub(now) >= renewBelow {
		return []Event{s.event(CodeRequested, c.ID, v)}
	}
	return s.mailCode(c, v, now)
}
