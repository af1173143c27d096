package user

import (
	"slices"
	"time"
)

// Rules:
//   - a code is accepted for ten minutes at most (NIST SP 800-63B-4 §3.1.3);
//   - a verification can be asked about and renewed for 24 h, then it is gone;
//   - the proven verification stays: it is the account's evidence.

const (
	verificationLife = day
	keptCodeless     = 32 // verifications a row that hold no slot
)

// alive says whether the verification is not too old for anything; a proven one stays nevertheless.
func (v *Verification) alive(now time.Time) bool { return now.Sub(v.OpenedAt) < verificationLife }

// Expired says whether the code's time is over. A verification without a code
// expires alike, so that nobody can tell it apart.
func (v *Verification) Expired(now time.Time) bool { return !now.Before(v.ExpiresAt) }

// prune forgets what is too old to matter.
func (s *State) prune(p Policy, now time.Time) {
	s.Verifications = slices.DeleteFunc(s.Verifications, func(v Verification) bool {
		return v.Status != VerificationVerified && !v.alive(now)
	})
	s.MailSlots = slices.DeleteFunc(s.MailSlots, func(m MailSlot) bool { return now.Sub(m.At) >= day })
	s.Unmatched = slices.DeleteFunc(s.Unmatched, func(o Outcome) bool { return !o.kept(now) })
	s.forgetFailures(p, now)
	if now.Sub(s.NoticedAt) >= noticeInterval {
		s.NoticedAt = time.Time{}
	}
	if !s.mailStopped(now) {
		s.MailStoppedUntil = time.Time{}
	}
	if now.Sub(s.ErasedAt) >= ErasedKept {
		s.ErasedAt = time.Time{}
	}
}

// dropCodeless forgets the oldest verifications without a slot beyond 32, so
// that registrations over the limit cannot grow a row.
func (s *State) dropCodeless() {
	s.Verifications = dropOldest(s.Verifications, keptCodeless, func(v Verification) bool { return !v.Slot })
}

// dropOldest drops the first of those that match until keep of them are left.
func dropOldest[T any](list []T, keep int, match func(T) bool) []T {
	excess := -keep
	for _, x := range list {
		if match(x) {
			excess++
		}
	}
	return slices.DeleteFunc(list, func(x T) bool {
		drop := excess > 0 && match(x)
		if drop {
			excess--
		}
		return drop
	})
}
