package user

import "time"

// Rules, for mails of every kind that somebody can ask for, together (OWASP ASVS 5.0 6.6.3):
//   - one in 60 s, five an hour, ten a day to one address;
//   - the same arithmetic whatever the account's state is, so the limits tell nothing about it;
//   - a verified address is told of a repeated registration at most once a day.

const noticeInterval = 24 * time.Hour

// takeSlot gives out a mail slot, if the limits leave one.
func (s *State) takeSlot(p Policy, now time.Time) bool {
	hour := 0
	for _, t := range s.Mails {
		if now.Sub(t) < p.mailInterval() {
			return false
		}
		if now.Sub(t) < time.Hour {
			hour++
		}
	}
	if hour >= p.MailsPerHour || len(s.Mails) >= p.MailsPerDay {
		return false
	}
	s.Mails = append(s.Mails, now)
	return true
}

// takeNotice says whether the notice to a verified address may go out now.
func (s *State) takeNotice(now time.Time) bool {
	if now.Sub(s.NoticedAt) < noticeInterval {
		return false
	}
	s.NoticedAt = now
	return true
}
