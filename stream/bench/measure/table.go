package measure

// What is held here:
//   - a figure is the median of its rounds;
//   - a ratio is the median of the ratios within each round, not the ratio of medians.

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Metric is a column: its title, and how many decimals a figure has.
type Metric struct {
	Title    string
	Decimals int
}

// row are the samples of one system, one a round, each with a figure for every metric.
type row struct {
	name    string
	samples [][]float64
}

// Table is printed as Markdown.
type Table struct {
	Title   string
	Metrics []Metric
	rows    []row
}

// Add notes a system's sample of a round.
func (t *Table) Add(name string, sample []float64) {
	i := slices.IndexFunc(t.rows, func(r row) bool { return r.name == name })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, row{name: name})
	}
	t.rows[i].samples = append(t.rows[i].samples, sample)
}

// Print writes the figures, and those of ours divided by each other system's.
func (t *Table) Print(to io.Writer, ours ...string) {
	fmt.Fprintf(to, "\n| %s |", t.Title)
	for _, m := range t.Metrics {
		fmt.Fprintf(to, " %s |", m.Title)
	}
	fmt.Fprintf(to, "\n|---|%s\n", strings.Repeat("---|", len(t.Metrics)))
	for _, r := range t.rows {
		t.line(to, r.name, r.samples, func(m Metric) int { return m.Decimals })
	}
	for _, a := range t.rows {
		for _, b := range t.rows {
			if slices.Contains(ours, a.name) && !slices.Contains(ours, b.name) {
				t.line(to, a.name+" ÷ "+b.name, ratios(a.samples, b.samples), func(Metric) int { return 2 })
			}
		}
	}
}

func (t *Table) line(to io.Writer, name string, samples [][]float64, decimals func(Metric) int) {
	fmt.Fprintf(to, "| %s |", name)
	for i, m := range t.Metrics {
		column := make([]float64, len(samples))
		for round, sample := range samples {
			column[round] = sample[i]
		}
		fmt.Fprintf(to, " %.*f |", decimals(m), median(column))
	}
	fmt.Fprintln(to)
}

// ratios divides the figures of each round.
func ratios(a, b [][]float64) [][]float64 {
	var of [][]float64
	for round := range min(len(a), len(b)) {
		divided := make([]float64, len(a[round]))
		for i := range divided {
			divided[i] = a[round][i] / b[round][i]
		}
		of = append(of, divided)
	}
	return of
}

// median of an even number of figures is the mean of the middle two.
func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
