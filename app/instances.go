package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"countersign/topology"
)

// Rules:
//   - a row for each instance and group, so that columns can be cut and sorted; then a line for each group;
//   - what is not known, or does not apply, is a dash.

// ShowInstances prints who runs and what each owns, as the api role at INTERNAL_ADDR knows it: a table, or its answer.
func ShowInstances(ctx context.Context, s Settings, asJSON bool, out io.Writer) error {
	const path = "/topology"
	if asJSON {
		return s.show(ctx, http.MethodGet, path, out)
	}
	var t topology.Topology
	if err := s.ask(ctx, http.MethodGet, path, &t); err != nil {
		return err
	}
	return table(t, out)
}

func table(t topology.Topology, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	row("INSTANCE", "ROLES", "STATE", "GROUP", "PARTITIONS", "STANDBY", "LAG PROCESSED/COMMITTED", "BEHIND", "LAST GAP", "TX P50/P99", "LAST FAILURE")
	for _, m := range t.Instances {
		self := []string{m.Name, strings.Join(m.Roles, ","), stateOf(m)}
		for _, g := range m.Groups {
			row(append(self, groupCells(g, t.At)...)...)
		}
		if len(m.Groups) == 0 {
			row(append(self, "-", "-", "-", "-", "-", "-", "-", "-")...)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, g := range t.Groups {
		nobody := "none"
		if len(g.Unowned) > 0 {
			nobody = ranges(g.Unowned)
		}
		if _, err := fmt.Fprintf(out, "\n%s: %d partitions owned, lag %d/%d; owned by nobody: %s",
			g.Group, len(g.Partitions), g.LagProcessed, g.LagCommitted, nobody); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

// stateOf is a state with what explains it.
func stateOf(m topology.Member) string {
	switch m.State {
	case topology.Silent:
		return "silent for " + ago(time.Duration(m.SilentSeconds*float64(time.Second)))
	case topology.NotReady:
		var missing []string
		for _, p := range m.Parts {
			if !p.Ready {
				missing = append(missing, p.Name)
			}
		}
		return "not ready: " + strings.Join(missing, ", ")
	}
	return string(m.State)
}

// groupCells are those of a row that tell of a group.
func groupCells(g topology.Group, now time.Time) []string {
	var owned []int32
	var processed, committed, restored, end int64
	for _, p := range g.Partitions {
		owned = append(owned, p.Partition)
		processed, committed = processed+p.LagProcessed, committed+p.LagCommitted
		restored, end = restored+p.RestoredTo, end+p.RestoreEnd
	}
	partitions := ranges(owned)
	if restored < end {
		partitions += fmt.Sprintf(" (restored %d of %d)", restored, end)
	}
	standby := "-"
	if s := g.Standby; s.Partitions > 0 {
		standby = fmt.Sprint(s.Partitions)
		if s.Missing > 0 {
			standby += fmt.Sprintf(" (%d missing)", s.Missing)
		}
	}
	gap, failure := "-", "-"
	if r := g.LastRebalance; r != nil && r.GapMS > 0 {
		gap = fmt.Sprintf("%.0f ms, %s ago", r.GapMS, ago(now.Sub(r.At)))
	}
	if f := g.LastFailure; f != nil {
		failure = fmt.Sprintf("%s ago: %s", ago(now.Sub(f.At)), f.Reason)
	}
	return []string{
		g.Group, partitions, standby, fmt.Sprintf("%d/%d", processed, committed), fmt.Sprintf("%.1f s", g.BehindSeconds), gap,
		fmt.Sprintf("%.1f/%.1f ms", g.Transactions.P50MS, g.Transactions.P99MS), failure,
	}
}

// ranges writes ascending numbers short: 0-3,7; a dash for none.
func ranges(numbers []int32) string {
	if len(numbers) == 0 {
		return "-"
	}
	var all []string
	for len(numbers) > 0 {
		n := 1
		for n < len(numbers) && numbers[n] == numbers[n-1]+1 {
			n++
		}
		all = append(all, fmt.Sprint(numbers[0]))
		if n > 1 {
			all[len(all)-1] += fmt.Sprintf("-%d", numbers[n-1])
		}
		numbers = numbers[n:]
	}
	return strings.Join(all, ",")
}

// ago is a duration as people say it: its two greatest units at most.
func ago(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
