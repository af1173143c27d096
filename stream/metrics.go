package stream

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of all processors and views of a cluster; group and reader tell them apart.
type metrics struct {
	cycles       *prometheus.CounterVec
	records      *prometheus.CounterVec
	restarts     *prometheus.CounterVec
	took         *prometheus.HistogramVec
	gap          *prometheus.HistogramVec
	restoring    *prometheus.GaugeVec
	lagProcessed *prometheus.GaugeVec
	lagCommitted *prometheus.GaugeVec
	behind       *prometheus.GaugeVec
}

// newMetrics registers with registry, if there is one. A second Cluster of one process shares the first's.
func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	const prefix = "countersign_stream_"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	seconds := func(name, help string, first float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + name, Help: help, Buckets: prometheus.ExponentialBuckets(first, 2, 15),
		}, []string{"group"})
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, labels)
	}
	m := &metrics{
		cycles:   counter("transactions_total", "Transactions of processors by how they ended: committed or left.", "group", "end"),
		records:  counter("records_total", "Input records whose processing was committed.", "group"),
		restarts: counter("restarts_total", "Times a processor ended and was built anew.", "group"),
		took: seconds("transaction_seconds",
			"From a transaction's first record to its commit.", 0.0005),
		gap: seconds("rebalance_gap_seconds",
			"Time in which a member processed nothing, from one session to the next.", 0.005),
		restoring: gauge("restore_remaining_records",
			"Records of the group's table that are not restored yet, by partition of this member.", "group", "partition"),
		lagProcessed: gauge("lag_processed_records",
			"Input records that are not processed yet, by partition of this member.", "group", "partition"),
		lagCommitted: gauge("lag_committed_records",
			"Input records whose processing is not committed yet, by partition of this member.", "group", "partition"),
		behind: gauge("behind_seconds",
			"Age of the oldest look at the end of a topic that processing has not reached yet.", "reader"),
	}
	if registry == nil {
		return m, nil
	}
	var err error
	m.cycles = register(registry, m.cycles, &err)
	m.records = register(registry, m.records, &err)
	m.restarts = register(registry, m.restarts, &err)
	m.took = register(registry, m.took, &err)
	m.gap = register(registry, m.gap, &err)
	m.restoring = register(registry, m.restoring, &err)
	m.lagProcessed = register(registry, m.lagProcessed, &err)
	m.lagCommitted = register(registry, m.lagCommitted, &err)
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

// groupMetrics are the metrics of one group's processor.
type groupMetrics struct {
	*metrics
	group string

	committed, left, records, restarts prometheus.Counter
	took, gap                          prometheus.Observer
}

func (m *metrics) of(group string) groupMetrics {
	return groupMetrics{
		metrics: m, group: group,
		committed: m.cycles.WithLabelValues(group, "committed"), left: m.cycles.WithLabelValues(group, "left"),
		records: m.records.WithLabelValues(group), restarts: m.restarts.WithLabelValues(group),
		took: m.took.WithLabelValues(group), gap: m.gap.WithLabelValues(group),
	}
}

// show sets what is told by partition, and forgets the partitions that are not ours any more.
func (m groupMetrics) show(partitions []PartitionStatus) {
	for _, gauge := range []*prometheus.GaugeVec{m.restoring, m.lagProcessed, m.lagCommitted} {
		gauge.DeletePartialMatch(prometheus.Labels{"group": m.group})
	}
	for _, p := range partitions {
		labels := []string{m.group, strconv.Itoa(int(p.Partition))}
		m.restoring.WithLabelValues(labels...).Set(float64(p.Restored.End - p.Restored.Offset))
		m.lagProcessed.WithLabelValues(labels...).Set(float64(p.LagProcessed))
		m.lagCommitted.WithLabelValues(labels...).Set(float64(p.LagCommitted))
	}
}
