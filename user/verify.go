package user

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"
)

// Rules:
//   - a guess is compared with that verification's own code only;
//   - a code is used once: what is proven or closed answers like an expired one;
//   - the link's token cannot be guessed: it is charged to no budget and works when the tries are used up
//     and while the digits are locked;
//   - the names of the proven verification become the account's, and the others close.

// Settled returns the result that any further attempt on a verification has,
// whatever is guessed, and whether there is one. It is decided by the state
// alone: an API node's clock has no say.
func (s *State) Settled(verificationID string, byToken bool, p Policy) (Result, bool) {
	v := s.Verification(verificationID)
	switch {
	case v == nil:
		return "", false
	case v.Status != VerificationOpen:
		return CodeExpired, true
	case !byToken && v.TriesLeft(p.clamped()) == 0:
		return TooManyAttempts, true
	}
	return "", false
}

func (s *State) verify(c Command, now time.Time) (Result, []Event) {
	v := s.Verification(c.VerificationID)
	if v == nil {
		return CodeExpired, nil
	}
	byToken := len(c.TokenDigest) > 0
	if r, ok := s.Settled(c.VerificationID, byToken, c.Policy); ok {
		return r, nil
	}
	presented, want := c.Answer, v.AnswerDigest
	if byToken {
		presented, want = c.TokenDigest, v.LinkDigest
	}
	digest := sha256.Sum256(presented)
	right := subtle.ConstantTimeCompare(digest[:], want) == 1 && (byToken || !s.locked(now))
	switch {
	case v.Expired(now):
		return CodeExpired, nil
	case right:
		return Verified, s.prove(c, v, now)
	case !byToken:
		s.fail(v, c.Policy, now)
	}
	return CodeInvalid, nil
}

// prove makes the address v's.
func (s *State) prove(c Command, v *Verification, now time.Time) []Event {
	for i := range s.Verifications {
		s.Verifications[i].Status = VerificationClosed
	}
	v.Status = VerificationVerified
	s.Status, s.VerifiedAt = StatusVerified, now
	s.endFailures()
	s.FirstName, s.LastName, s.Locale = v.FirstName, v.LastName, v.Locale
	proven := s.event(AccountVerified, c.ID, v)
	proven.NoMail = s.mailStopped(now)
	return []Event{proven}
}
