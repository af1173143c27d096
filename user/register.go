package user

import "time"

// Rules:
//   - each registration opens a verification of its own, with its own code, names and failures
//     (the code is bound to the request it was made for: OWASP ASVS 5.0 6.6.2);
//   - without a mail slot, while mail is stopped, or for a verified address, it holds no code and can never match,
//     and looks the same from outside (OWASP ASVS 5.0 6.3.8). Its owner is told, in his own name and language;
//   - the account is created with the first code that is mailed.

func (s *State) register(c Command, now time.Time) []Event {
	if s.Verification(c.VerificationID) != nil {
		return nil // a repeat whose outcome is forgotten: the first one won
	}
	if s.Status == StatusDeleted {
		s.Status = "" // it begins anew
	}
	s.Verifications = append(s.Verifications, Verification{
		ID: c.VerificationID, Status: VerificationOpen, SecretID: c.SecretID,
		FirstName: c.FirstName, LastName: c.LastName, Locale: c.Locale,
		OpenedAt: now, ExpiresAt: now.Add(c.Policy.codeTTL()),
		Slot: s.takeSlot(c, now),
	})
	v := &s.Verifications[len(s.Verifications)-1]
	if v.Slot {
		return s.mailCode(c, v, now)
	}
	s.dropCodeless()
	return nil
}

// mailCode asks for the mail of v's code, which is c's if v has none yet; a
// verified address gets the notice instead, which has a token to dispute it
// but nothing that could be proven. The slot is taken already.
func (s *State) mailCode(c Command, v *Verification, now time.Time) []Event {
	verified := s.Status == StatusVerified
	if s.mailStopped(now) || verified && !s.takeNotice(now) {
		return nil
	}
	if len(v.Nonce) == 0 {
		v.Nonce, v.DisputeDigests = c.Nonce, append(v.DisputeDigests, c.DisputeDigest)
		if !verified {
			v.AnswerDigest, v.LinkDigest = c.AnswerDigest, c.LinkDigest
		}
	}
	switch s.Status {
	case StatusVerified:
		return []Event{s.event(RegistrationRepeated, c.ID, v)}
	case StatusPending:
		return []Event{s.event(CodeRequested, c.ID, v)}
	}
	s.Status, s.UserID, s.CreatedAt = StatusPending, deriveID(c.ID, "user", now.Format(time.RFC3339Nano)), now
	return []Event{s.event(AccountCreated, c.ID, v)}
}
