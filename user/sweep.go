package user

import (
	"reflect"
	"strconv"
	"time"
)

// Rules:
//   - an account that nobody proves is removed after 24 h, a setting, as an erasure does it; never while one of its
//     verifications is alive;
//   - what has been kept long enough goes from every row: strangers' verifications, slots, failures, outcomes;
//   - a row of which nothing is left goes itself. An erased one is kept for as long as a record from before may come again;
//   - who looks says only that something is due; Step decides, by the broker's clock. A sweep that finds nothing to do
//     changes nothing, and none is remembered: no row comes or stays for having been swept.

// ErasedKept is how long an erased row stays: 7 days in which a command may wait, 14 in which its dead letter may, and a
// day for the segments of each.
const ErasedKept = 23 * day

// Due says whether a sweep at that time would change the state.
func (s State) Due(p Policy, now time.Time) bool {
	if s.Version == 0 {
		return false
	}
	p = p.clamped()
	swept := s.clone()
	swept.prune(p, now)
	return swept.unproven(p, now) || swept.bare() || !reflect.DeepEqual(swept, s)
}

// Sweep returns the command for a state that is due. It is the same for the same version of it.
func (s State) Sweep(p Policy, at time.Time) Command {
	return Command{ID: deriveID(s.Email, string(Sweep), strconv.FormatInt(s.Version, 10)), Type: Sweep, Email: s.Email, IssuedAt: at.UTC(), Policy: p}
}

// sweep removes an account that nobody proves; the rest is pruned already.
func (s *State) sweep(c Command, now time.Time) []Event {
	if !s.unproven(c.Policy, now) {
		return nil
	}
	return s.erase(c, now)
}

// unproven says whether a pruned state is that of an account nobody will prove.
func (s *State) unproven(p Policy, now time.Time) bool {
	return s.Status == StatusPending && len(s.Verifications) == 0 && now.Sub(s.CreatedAt) >= p.unverifiedLife()
}

// bare says whether a pruned state holds nothing but the address.
func (s *State) bare() bool {
	return s.UserID == "" && len(s.Verifications) == 0 && len(s.MailSlots) == 0 && len(s.Unmatched) == 0 && s.Failures == 0 &&
		s.LockedUntil.IsZero() && s.NoticedAt.IsZero() && s.MailStoppedUntil.IsZero() && s.ErasedAt.IsZero()
}
