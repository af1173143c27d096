package mail

import "time"

// Health is how a sender is.
type Health struct {
	// Ready is false while a mail is held because its letter cannot be made; Reason says why.
	Ready  bool
	Reason string
	// RelayIllSince is when the relay began to take no mail, with RelayReason; zero while it is well. It is no reason to be
	// unready: mails wait.
	RelayIllSince time.Time
	RelayReason   string
	// Pending mails wait for an attempt, UnderWay ones are in a conversation or being reported; Conversing ones in one.
	Pending, UnderWay, Conversing int
	// OldestQueued is when the event of the oldest mail was that waits for its first attempt, a relay that is ill counts none;
	// zero if none does. Who waits for another is not among them: one full mailbox would look like a queue.
	OldestQueued time.Time
}

// Health may be asked at any time.
func (s *Sender) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := Health{
		Ready:         len(s.held) == 0,
		RelayIllSince: s.relay.since,
		RelayReason:   s.relay.reason,
		Pending:       s.agenda.expiring.Len(),
		UnderWay:      len(s.underWay),
		Conversing:    s.conversing,
	}
	for _, err := range s.held {
		h.Reason = err.Error()
		break
	}
	if oldest := s.agenda.oldest(); oldest != nil {
		h.OldestQueued = oldest.mail.OccurredAt
	}
	return h
}
