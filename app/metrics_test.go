package app

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kfake"
)

// whole is a node with every part of every role. None of them runs.
func whole(t *testing.T) *node {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	log := logrus.New()
	log.SetOutput(io.Discard) // clients go on for a moment after the test
	n := &node{roles: everything, log: log, registry: prometheus.NewRegistry(), settings: settings(t,
		"--kafka-broker-list="+broker.ListenAddrs()[0], "--replication-factor=1", "--secrets="+NewSecret(), "--state-dir="+t.TempDir(),
		"--smtp-url=smtp://127.0.0.1", "--mail-from=a@example.com")}
	if err := n.settings.complete(everything); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{
		n.identify,
		func() error { return n.dial(t.Context()) },
		func() error { return n.addRoles(nil, nil) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(n.cluster.Close)
	return n
}

func TestMetrics_ThatOperationsNames_AreThere(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	names := metricsNamed(string(text))
	if len(names) < 20 {
		t.Errorf("only %q are found there", names)
	}
	registry := whole(t).registry
	for _, name := range names {
		// A metric without a series is not gathered, but its name is taken: no other may have it.
		if registry.Register(prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "another's"})) == nil {
			t.Errorf("there is no metric %s", name)
		}
	}
}

var (
	metricName   = regexp.MustCompile(`countersign_[a-z_]*[a-z]\b`)
	metricPrefix = regexp.MustCompile("`(countersign_[a-z_]*_)`")
	afterPrefix  = regexp.MustCompile("`([a-z_]+)`")
)

// metricsNamed finds the metrics that a page names: by their whole names, and behind a prefix until its paragraph ends, in a
// table by the first cells. What follows "by" are labels.
func metricsNamed(page string) (names []string) {
	names = metricName.FindAllString(page, -1)
	for _, paragraph := range strings.Split(page, "\n\n") {
		at := metricPrefix.FindStringSubmatchIndex(paragraph)
		if at == nil {
			continue
		}
		prefix, rest := paragraph[at[2]:at[3]], paragraph[at[1]:]
		told := []string{strings.ReplaceAll(rest, "\n", " ")}
		if strings.HasPrefix(paragraph, "|") {
			told = told[:0]
			for _, row := range strings.Split(rest, "\n|")[1:] {
				cell, _, _ := strings.Cut(row, "|")
				told = append(told, cell)
			}
		}
		for _, text := range told {
			text, _, _ = strings.Cut(text, " by ")
			for _, name := range afterPrefix.FindAllStringSubmatch(text, -1) {
				names = append(names, prefix+name[1])
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestMetricsNamed_AreFound_InTablesAndInSentences(t *testing.T) {
	const page = "`/metrics` has `countersign_a_` `x_total`,\n`y` and\n`z`, by `group`, and `more`.\n\n" +
		"| `countersign_b_` | |\n|---|---|\n| `c`, `d_seconds` by `kind` | `words` |\n| `e` | |\n\nsum(countersign_f{state=\"g\"})"
	want := []string{"countersign_a_x_total", "countersign_a_y", "countersign_a_z", "countersign_b_c", "countersign_b_d_seconds", "countersign_b_e", "countersign_f"}
	if names := metricsNamed(page); !slices.Equal(names, want) {
		t.Errorf("found %q", names)
	}
}
