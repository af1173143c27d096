package stream

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of all processors and views of a cluster; group and topic tell them apart.
type metrics struct {
	cycles   *prometheus.CounterVec
	records  *prometheus.CounterVec
	restarts *prometheus.CounterVec
	behind   *prometheus.GaugeVec
}

// newMetrics registers with registry, if there is one. A second Cluster of one process shares the first's.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "countersign_stream_" + name, Help: help}, labels)
	}
	m := &metrics{
		cycles:   counter("transactions_total", "Transactions of processors by how they ended: committed or left.", "group", "end"),
		records:  counter("records_total", "Input records whose processing was committed.", "group"),
		restarts: counter("restarts_total", "Times a processor ended and was built anew.", "group"),
		behind: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "countersign_stream_behind_seconds",
			Help: "Age of the oldest look at the end of a topic that processing has not reached yet.",
		}, []string{"reader"}),
	}
	if registry == nil {
		return m, nil
	}
	var err error
	m.cycles = register(registry, m.cycles, &err)
	m.records = register(registry, m.records, &err)
	m.restarts = register(registry, m.restarts, &err)
	m.behind = register(registry, m.behind, &err)
	return m, err
}

func register[C prometheus.Collector](registry prometheus.Registerer, c C, err *error) C {
	e := registry.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(e, &there) {
		if first, ok := there.ExistingCollector.(C); ok {
			return first
		}
	}
	*err = errors.Join(*err, e)
	return c
}
