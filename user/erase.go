package user

import "time"

// Rules:
//   - what is personal is dropped; the address stays as the key, with version and times, so that nothing from before
//     can bring the person back;
//   - a command that first stood on its topic before the erasure is refused, whenever it is read: the broker's clock
//     says so, never the sender's;
//   - failures, their lock, mail slots and the stop of mail outlive it: being erased is no way to more guesses or mails;
//   - the event names the account, so that others forget it, too; where no account was, there is none;
//   - who registers later begins anew, with another user id.

func (s *State) erase(c Command, now time.Time) []Event {
	var events []Event
	if s.UserID != "" {
		events = []Event{s.event(AccountDeleted, c.ID, nil)}
	}
	*s = State{
		Email: s.Email, Status: StatusDeleted, Version: s.Version, UpdatedAt: now, ErasedAt: now,
		Failures: s.Failures, FailedAt: s.FailedAt, LockedUntil: s.LockedUntil,
		MailSlots: s.MailSlots, NoticedAt: s.NoticedAt, MailStoppedUntil: s.MailStoppedUntil,
	}
	return events
}

// erasedAfter says whether the address was erased after the command was first recorded.
func (s *State) erasedAfter(c Command, recorded time.Time) bool {
	if !c.FirstRecorded.IsZero() && c.FirstRecorded.Before(recorded) {
		recorded = c.FirstRecorded
	}
	return recorded.Before(s.ErasedAt)
}
