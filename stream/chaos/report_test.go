package chaos

// What is held here:
//   - a scenario that has begun has its row, also when it failed;
//   - the rows stand in the order in which the scenarios began.

import (
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"
)

// outcome is one scenario's row.
type outcome struct {
	title    string
	faults   int
	commands int
	verdict  verdict
	aborted  int           // records of aborted transactions in the logs
	gap      time.Duration // the longest time from a command's acknowledgement until its event could be read
	ok       string
}

var report struct {
	mu   sync.Mutex
	rows []*outcome
}

// enter adds a row to the report.
func enter(title string) *outcome {
	report.mu.Lock()
	defer report.mu.Unlock()
	row := &outcome{title: title, ok: "NO"}
	report.rows = append(report.rows, row)
	return row
}

func printReport(to io.Writer) {
	report.mu.Lock()
	defer report.mu.Unlock()
	table := tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "\n| scenario\t| faults\t| commands\t| events\t| doubles\t| lost\t| disorder\t| aborted records in the log\t| longest gap ms\t| ok\t|")
	fmt.Fprintln(table, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range report.rows {
		fmt.Fprintf(table, "| %s\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\t| %d\t| %s\t|\n", r.title, r.faults,
			r.commands, r.verdict.events, r.verdict.doubles, r.verdict.lost, r.verdict.disorder, r.aborted,
			r.gap.Milliseconds(), r.ok)
	}
	table.Flush()
}
