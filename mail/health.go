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
	// Pending mails wait for an attempt, UnderWay ones are in a conversation or being reported.
	Pending, UnderWay int
	// OldestPending is when the event of the oldest pending one was; zero if none is.
	OldestPending time.Time
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
		OldestPending: s.agenda.oldest(),
	}
	for _, err := range s.held {
		h.Reason = err.Error()
		break
	}
	return h
}
