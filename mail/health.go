package mail

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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
	}
	for _, err := range s.held {
		h.Reason = err.Error()
		break
	}
	return h
}

// measure registers the metrics.
func (s *Sender) measure() error {
	s.results = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "countersign_mail_results_total", Help: "Results of mails by kind and state.",
	}, []string{"kind", "state"})
	if s.cfg.Registry == nil {
		return nil
	}
	gauge := func(name, help string, value func(Health) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(s.Health()) })
	}
	for _, c := range []prometheus.Collector{
		s.results,
		gauge("countersign_mail_pending", "Mails waiting for an attempt.", func(h Health) float64 { return float64(h.Pending) }),
		gauge("countersign_mail_under_way", "Mails in a conversation with the relay.", func(h Health) float64 { return float64(h.UnderWay) }),
		gauge("countersign_mail_relay_ill", "1 while the relay takes no mail.", func(h Health) float64 {
			if h.RelayIllSince.IsZero() {
				return 0
			}
			return 1
		}),
	} {
		if err := s.cfg.Registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}
