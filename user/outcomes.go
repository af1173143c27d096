package user

import (
	"slices"
	"time"
)

// Rules:
//   - the same command id gives the same outcome and has no second effect;
//   - outcomes are kept per verification, so nobody can flush another's;
//   - the last 16 are kept, and those with an event always: a mail slot or the proof bounds their number;
//   - without their verification they are kept for a day, an erasure's as long as the row is an erased one.

const keptOutcomes = 16

// Result is what came of a command.
type Result string

// The results.
const (
	Accepted        Result = "accepted"          // register, resend, dispute: whatever was done about it
	Verified        Result = "verified"          // this command proved the address
	CodeInvalid     Result = "code_invalid"      // a wrong guess; AttemptsRemaining says how many are left
	CodeExpired     Result = "code_expired"      // the code's time is over, or the verification is proven, closed or gone
	Erased          Result = "erased"            // nothing personal is left
	Swept           Result = "swept"             // nothing is left that was due
	Refused         Result = "refused"           // the command is older than the erasure of its address: it has no effect, and is not remembered
	TooManyAttempts Result = "too_many_attempts" // all tries are used up: a new registration is needed, waiting does not help
)

// Outcome is what came of one command.
type Outcome struct {
	CommandID         string      `json:"command_id"`
	Type              CommandType `json:"type"`
	Result            Result      `json:"result"`
	AttemptsRemaining int         `json:"attempts_remaining"`
	Event             EventType   `json:"event,omitempty"` // the one it caused, if any
	At                time.Time   `json:"at"`
}

// Outcome returns what came of a command for that verification, as long as it is remembered.
func (s *State) Outcome(verificationID, commandID string) (Outcome, bool) {
	list := s.Unmatched
	if v := s.Verification(verificationID); v != nil {
		list = slices.Concat(v.Outcomes, list)
	}
	i := slices.IndexFunc(list, func(o Outcome) bool { return o.CommandID == commandID })
	if i < 0 {
		return Outcome{}, false
	}
	return list[i], true
}

// kept says whether an outcome that belongs to no verification still matters.
func (o Outcome) kept(now time.Time) bool {
	if o.Event != "" {
		return now.Sub(o.At) < ErasedKept
	}
	return now.Sub(o.At) < verificationLife
}

// remember appends an outcome and forgets the oldest that had no event.
func remember(list []Outcome, o Outcome) []Outcome {
	return dropOldest(append(list, o), keptOutcomes, func(o Outcome) bool { return o.Event == "" })
}
