package hazards

// What is held here:
//   - a scenario is one function, run on goka as it comes and on stream; it says whether the hazard showed, and what was seen;
//   - a test fails when stream shows the hazard, and when goka does not: then the check has lost its sense, or goka is mended;
//   - what takes time runs with HAZARDS=all only (make hazards); the table of what ran is printed at the end;
//   - what would take the process with it runs in a process of its own.

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Settings of a run. childEnv names the system that a process of its own is for.
const (
	allEnv   = "HAZARDS"
	childEnv = "HAZARDS_CHILD"
)

// table is what TestMain prints.
var table rows

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil { // scenarios mostly wait
		panic(err)
	}
	code := m.Run()
	if os.Getenv(childEnv) == "" {
		table.print()
	}
	os.Exit(code)
}

// finding is what a scenario saw on one system.
type finding struct {
	hazard bool
	seen   string // in a few words
}

// rows are the hazards that were compared.
type rows struct {
	mu  sync.Mutex
	all []row
}

type row struct{ hazard, plain, ours string }

func (t *rows) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, r)
}

func (t *rows) print() {
	slices.SortFunc(t.all, func(a, b row) int { return cmp.Compare(a.hazard, b.hazard) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| hazard\t| plain goka\t| ours\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|")
	for _, r := range t.all {
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t|\n", r.hazard, r.plain, r.ours)
	}
	w.Flush()
}

// slow keeps a test out of the fast selection.
func slow(t *testing.T) {
	t.Helper()
	if os.Getenv(allEnv) != "all" {
		t.Skip("takes long: make hazards")
	}
}

// compare runs a scenario on both systems. hazard is the table's line; fakes are for the embedded Kafka.
func compare(t *testing.T, hazard string, scenario func(*world) finding, fakes ...kfake.Opt) {
	t.Helper()
	compareBy(t, hazard, func(t *testing.T, s system) finding { return scenario(newWorld(t, s, fakes...)) })
}

// compareApart is compare for a hazard that needs a process of its own, and shows if that one says what death looks for.
func compareApart(t *testing.T, hazard string, death *regexp.Regexp, scenario func(*world) finding) {
	t.Helper()
	if name := os.Getenv(childEnv); name != "" {
		for _, s := range systems() {
			if s.name() == name {
				f := scenario(newWorld(t, s))
				fmt.Println(foundPrefix, f.hazard, f.seen)
			}
		}
		return
	}
	compareBy(t, hazard, func(t *testing.T, s system) finding {
		return apart(t, death, strings.TrimSuffix(t.Name(), "/"+s.name()), s.name())
	})
}

func compareBy(t *testing.T, hazard string, look func(*testing.T, system) finding) {
	t.Helper()
	t.Parallel()
	seen := map[string]string{}
	for _, s := range systems() {
		seen[s.name()] = "not run here"
		t.Run(s.name(), func(t *testing.T) {
			f := look(t, s)
			if f.hazard != s.shows() {
				t.Errorf("hazard shows: %v, want %v; seen: %s", f.hazard, s.shows(), f.seen)
			}
			seen[s.name()] = f.seen
		})
	}
	table.add(row{hazard, seen[plain{}.name()], seen[ours{}.name()]})
}

// foundPrefix begins the line by which a process of its own tells what it found.
const foundPrefix = "found:"

// What a process says when it dies, and when the race detector finds something, which need not be its death.
var (
	panics = regexp.MustCompile(`(?m)^(panic|fatal error): .*$`)
	races  = regexp.MustCompile(`(?m)^WARNING: DATA RACE$`)
)

// apart runs a test in a process of its own, on one system.
func apart(t *testing.T, death *regexp.Regexp, test, system string) finding {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), childEnv+"="+system)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if dead := death.Find(out); dead != nil {
		return finding{true, "the process says: " + string(dead)}
	}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if found, ok := strings.CutPrefix(lines.Text(), foundPrefix+" "); ok {
			hazard, seen, _ := strings.Cut(found, " ")
			return finding{hazard == "true", seen}
		}
	}
	t.Fatalf("it does not say what it found: %v", err)
	return finding{}
}
