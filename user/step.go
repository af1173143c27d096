package user

import "time"

// Step applies a command to the state of its address and returns the new
// state, the events of the transition and what came of the command. The zero
// State is an address nobody has asked about, or of which nothing is left to keep. recorded is the command's time
// on its topic; Step's time never goes back behind the state's.
//
// A command whose id has an outcome already changes nothing and gives that
// outcome again, without events. So does one from before its address was erased,
// which is refused, and a sweep that finds nothing due. The command must be valid (Command.Validate).
func Step(s State, c Command, recorded time.Time) (State, []Event, Outcome) {
	if o, ok := s.Outcome(c.VerificationID, c.ID); ok {
		return s, nil, o
	}
	if s.erasedAfter(c, recorded) {
		return s, nil, Outcome{CommandID: c.ID, Type: c.Type, Result: Refused, At: s.UpdatedAt}
	}
	now := recorded.UTC()
	if now.Before(s.UpdatedAt) {
		now = s.UpdatedAt
	}
	c.Policy = c.Policy.clamped()

	if c.Type == Sweep && !s.Due(c.Policy, now) {
		return s, nil, Outcome{CommandID: c.ID, Type: c.Type, Result: Swept, At: now}
	}

	s = s.clone()
	s.Email = c.Email
	s.Version++
	s.UpdatedAt = now
	s.prune(c.Policy, now)

	outcome := Outcome{CommandID: c.ID, Type: c.Type, At: now}
	var events []Event
	switch c.Type {
	case Register:
		events = s.register(c, now)
		outcome.Result = Accepted
	case Resend:
		events = s.resend(c, now)
		outcome.Result = Accepted
	case Verify:
		outcome.Result, events = s.verify(c, now)
	case Dispute:
		s.dispute(c, now)
		outcome.Result = Accepted
	case Erase:
		events = s.erase(c, now)
		outcome.Result = Erased
	case Sweep:
		events = s.sweep(c, now)
		outcome.Result = Swept
	}
	if len(events) > 0 {
		outcome.Event = events[0].Type
	}
	if c.Type == Sweep {
		if s.bare() {
			s = State{}
		}
		return s, events, outcome
	}
	if v := s.Verification(c.VerificationID); v != nil {
		outcome.AttemptsRemaining = v.TriesLeft(c.Policy)
		v.Outcomes = remember(v.Outcomes, outcome)
	} else {
		s.Unmatched = remember(s.Unmatched, outcome)
	}
	return s, events, outcome
}
