package user

import "time"

// Rules, for mails of every kind that somebody can ask for, together (OWASP ASVS 5.0 6.6.3):
//   - one in 60 s, five an hour, ten a day to one address, of which one client causes at most three;
//   - the same arithmetic whatever the account's state is, and while its mail is stopped or its digits are locked, so the
//     limits tell nothing about it;
//   - none where the api says that a limit of its own is reached;
//   - a verified address is told of a repeated registration at most once a day.

const noticeInterval = day

// MailSlot is one mail that was given a place within the limits, whether or not it was sent.
type MailSlot struct {
	At     time.Time `json:"at"`
	Client string    `json:"client,omitempty"` // who asked: Secret.Client
}

// takeSlot gives out a mail slot, if the limits leave one.
func (s *State) takeSlot(c Command, now time.Time) bool {
	hour, client := 0, 0
	for _, slot := range s.MailSlots {
		age := now.Sub(slot.At)
		if age < c.Policy.mailInterval() {
			return false
		}
		if age < time.Hour {
			hour++
		}
		if c.Client != "" && slot.Client == c.Client {
			client++
		}
	}
	if c.WithholdMail || hour >= c.Policy.MailsPerHour || len(s.MailSlots) >= c.Policy.MailsPerDay || client >= c.Policy.MailsPerClient {
		return false
	}
	s.MailSlots = append(s.MailSlots, MailSlot{now, c.Client})
	return true
}

// takeNotice says whether the notice to a verified address may go out now.
func (s *State) takeNotice(now time.Time) bool {
	if !s.NoticedAt.IsZero() { // else it is forgotten
		return false
	}
	s.NoticedAt = now
	return true
}
