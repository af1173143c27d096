package mail

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a sender counts; what it is now, they ask of its Health.
type metrics struct {
	results, attempts *prometheus.CounterVec
	seconds           *prometheus.HistogramVec
	open              prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_mail_results_total", Help: "Results of mails by kind and state.",
		}, []string{"kind", "state"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_mail_attempts_total", Help: "Conversations with the relay, by the stage at which they ended and what that means.",
		}, []string{"stage", "verdict"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_mail_seconds", Help: "From the event that asked for a mail until the relay had it.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600, 3600},
		}, []string{"kind"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "countersign_mail_connections", Help: "Connections to the relay that are open.",
		}),
	}
	for _, kind := range Kinds() {
		for _, state := range []State{Sent, Failed, Retrying, Uncertain, Expired} { // what an attempt comes to
			m.results.WithLabelValues(string(kind), string(state)) // from 0 on, or the first one were no increase
		}
	}
	return m
}

// gauge is something of a sender's Health.
type gauge struct {
	*prometheus.Desc
	value func(Health) float64
}

// gauges look at a sender once, however many they are.
type gauges struct {
	of  *Sender
	all []gauge
}

// Describe is part of prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) {
	for _, of := range g.all {
		to <- of.Desc
	}
}

// Collect is part of prometheus.Collector.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	h := g.of.Health()
	for _, of := range g.all {
		to <- prometheus.MustNewConstMetric(of.Desc, prometheus.GaugeValue, of.value(h))
	}
}

// measure registers the metrics.
func (s *Sender) measure() error {
	if s.cfg.Registry == nil {
		return nil
	}
	is := func(name, help string, value func(Health) float64) gauge {
		return gauge{prometheus.NewDesc(name, help, nil, nil), value}
	}
	for _, c := range []prometheus.Collector{s.metrics.results, s.metrics.attempts, s.metrics.seconds, s.metrics.open, gauges{s, []gauge{
		is("countersign_mail_pool", "Connections to the relay that may be open.", func(Health) float64 { return float64(s.cfg.Pool) }),
		is("countersign_mail_pending", "Mails waiting for an attempt.", func(h Health) float64 { return float64(h.Pending) }),
		is("countersign_mail_conversations", "Connections to the relay over which a mail is under way.", func(h Health) float64 { return float64(h.Conversing) }),
		is("countersign_mail_oldest_queued_seconds", "Since the event of the oldest mail that waits for its first attempt.", func(h Health) float64 {
			if h.OldestQueued.IsZero() {
				return 0
			}
			return time.Since(h.OldestQueued).Seconds()
		}),
		is("countersign_mail_under_way", "Mails in a conversation with the relay, or whose result is being written.", func(h Health) float64 { return float64(h.UnderWay) }),
		is("countersign_mail_relay_ill", "1 while the relay takes no mail.", func(h Health) float64 {
			if h.RelayIllSince.IsZero() {
				return 0
			}
			return 1
		}),
	}}} {
		if err := s.cfg.Registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}
