package user

import "time"

// Rules:
//   - wrong guesses in a row are counted per account, too: neither a new code, a new registration, the removal of the account
//     nor its erasure resets the count (NIST SP 800-63B-4 §3.2.2: at most 100);
//   - at every hundredth the digits are locked, for 1, 2, 4, 8, 16 and from then on 30 days. The link works on, so no third
//     party locks anybody out (OWASP Authentication Cheat Sheet);
//   - while they are locked mails carry the link alone, and no guess is right. It counts for its verification but not for
//     the account: it was no try at a code, and would let a stranger drive the lock to 30 days within an hour;
//   - each 30 days without a failure take one lock's worth off the count, so what most accounts have is forgotten by then,
//     and who waits gains no more guesses than who sits the locks out;
//   - a proof ends the count.

const (
	day           = 24 * time.Hour
	failureMemory = 30 * day
)

// lockDays are those of the first lock, the second, and so on; the last is that of all that follow.
var lockDays = [...]time.Duration{1, 2, 4, 8, 16, 30}

// fail counts a wrong guess.
func (s *State) fail(v *Verification, p Policy, now time.Time) {
	v.Failures++
	if s.locked(now) {
		return
	}
	s.Failures++
	s.FailedAt = now
	if locks := s.Failures / p.FailuresBeforeLock; s.Failures%p.FailuresBeforeLock == 0 {
		s.LockedUntil = now.Add(lockDays[min(locks, len(lockDays))-1] * day)
	}
}

// locked says whether no code is taken, and none mailed.
func (s *State) locked(now time.Time) bool { return now.Before(s.LockedUntil) }

// forgetFailures takes off the count what is long past.
func (s *State) forgetFailures(p Policy, now time.Time) {
	for s.Failures > 0 && now.Sub(s.FailedAt) >= failureMemory {
		s.Failures = max(0, s.Failures-p.FailuresBeforeLock)
		s.FailedAt = s.FailedAt.Add(failureMemory)
	}
	if s.Failures == 0 {
		s.FailedAt = time.Time{}
	}
	if !s.locked(now) {
		s.LockedUntil = time.Time{}
	}
}

// endFailures forgets them all, and with them how long the next lock would be: who proves the address reads its mail, so
// the guesses were not his or are not needed any more; and a proven address is mailed no code that others could guess.
func (s *State) endFailures() { s.Failures, s.FailedAt, s.LockedUntil = 0, time.Time{}, time.Time{} }
