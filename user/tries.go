package user

// Rules:
//   - five wrong guesses a verification, a setting of at most ten;
//   - a new code does not reset the count (NIST SP 800-63B-4 §3.2.2).

// TriesLeft returns how many wrong guesses may still come.
func (v *Verification) TriesLeft(p Policy) int { return max(0, p.Tries-v.Failures) }
