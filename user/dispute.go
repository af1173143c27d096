package user

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"
)

// Rules, for "I did not ask for this":
//   - every mail that somebody can ask for has a link with a token of its own, which cannot be guessed and is taken for as
//     long as the verification lives;
//   - it closes the verification, and for a day the address gets no mail of any kind: so nobody is made to get mail by others
//     (OWASP ASVS 5.0 6.6.3);
//   - a verified account stays as it is. The stranger's verification closes alike: else whether it does would tell him;
//   - whatever is asked meanwhile looks the same: slots are taken, and a verification has no code;
//   - a wrong token has no effect and the same outcome.

const mailStop = day

func (s *State) dispute(c Command, now time.Time) {
	v := s.Verification(c.VerificationID)
	if v == nil || !v.alive(now) {
		return
	}
	digest := sha256.Sum256(c.TokenDigest)
	right := 0
	for _, want := range v.DisputeDigests {
		right |= subtle.ConstantTimeCompare(digest[:], want)
	}
	if right == 0 {
		return
	}
	if v.Status == VerificationOpen {
		v.Status = VerificationClosed
	}
	s.MailStoppedUntil = now.Add(mailStop)
}

// mailStopped says whether the owner wants no mail.
func (s *State) mailStopped(now time.Time) bool { return now.Before(s.MailStoppedUntil) }
