// Command mutants changes one thing after another in a package and runs its tests against each change: what no test
// notices is a rule that no test holds. It writes nothing into the package: the compiler is told to read the changed file
// from elsewhere (go help build, -overlay). It knows nothing of users or of their rules.
//
// Changes that mean the same as before stand in a list, each with its reason; any other that survives is an error, and
// so is an entry that nothing needs any more.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sync/errgroup"
)

// equivalent holds mutants as String shows them, one a line; a line with # is the reason for those below it.
//
//go:embed equivalent.txt
var equivalent string

type cli struct {
	Folder   string        `arg:"" default:"user" help:"The package's folder."`
	Files    []string      `help:"Names of files to change. Defaults to all but tests."`
	Parallel int           `default:"1" help:"How many are tested at once."`
	Timeout  time.Duration `default:"30s" help:"After which a test that does not end has noticed."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&cli{}, kong.BindTo(ctx, (*context.Context)(nil)))
	parsed.FatalIfErrorf(parsed.Run())
}

// fate is what the tests said of a mutant.
type fate string

const (
	killed   fate = "killed"
	survived fate = "survived"
	unborn   fate = "does not compile"
)

// Run prints the survivors and the figures. Its error says that there are survivors, or what went wrong.
func (c cli) Run(ctx context.Context) error {
	began := time.Now()
	all, err := c.mutants()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	if f, output, err := c.test(ctx); err != nil || f != survived {
		return fmt.Errorf("the tests fail without any change (%v):\n%s", err, output)
	}

	known := knownEquivalents(equivalent)
	var mu sync.Mutex
	count := map[fate]int{}
	same, alive := 0, 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.Parallel)
	for i, m := range all {
		group.Go(func() error {
			f, err := c.try(ctx, filepath.Join(scratch, fmt.Sprint(i)), m)
			if err != nil {
				return fmt.Errorf("%s: %w", m, err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[f]++
			_, isKnown := known[m.String()]
			switch {
			case f == survived && isKnown:
				same++
				known[m.String()] = true
			case f == survived:
				alive++
				fmt.Printf("survives, line %d of %s\n", m.line(), m)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for entry, needed := range known {
		if file, _, _ := strings.Cut(entry, ":"); !needed && c.wants(file) {
			alive++
			fmt.Println("no longer survives, take it from the list:", entry)
		}
	}
	fmt.Printf("%d mutants in %s: %d killed, %d equivalent, %d at fault; %d more do not compile\n",
		count[killed]+count[survived], time.Since(began).Round(time.Second), count[killed], same, alive, count[unborn])
	if alive > 0 {
		return fmt.Errorf("%d at fault", alive)
	}
	return nil
}

// mutants returns those of the files that are asked for.
func (c cli) mutants() (all []mutant, err error) {
	paths, err := filepath.Glob(filepath.Join(c.Folder, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", c.Folder, err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasSuffix(name, "_test.go") || !c.wants(name) {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err // it names the file
		}
		of, err := mutate(name, source)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing to change in %s", c.Folder)
	}
	return all, nil
}

func (c cli) wants(file string) bool {
	for _, name := range c.Files {
		if name == file {
			return true
		}
	}
	return len(c.Files) == 0
}

// try tests one mutant, whose file and overlay stand in a folder of its own.
func (c cli) try(ctx context.Context, folder string, m mutant) (fate, error) {
	original, err := filepath.Abs(filepath.Join(c.Folder, m.file))
	if err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(folder, m.file), filepath.Join(folder, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	if err := os.WriteFile(changed, m.mutated(), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		return "", err
	}
	f, _, err := c.test(ctx, "-overlay", overlay)
	return f, err
}

// test runs the package's tests: the same ones each time, so that the figure is the same each time.
func (c cli) test(ctx context.Context, flags ...string) (f fate, output []byte, err error) {
	args := append([]string{"test", "-count=1", "-failfast", "-short", "-vet=off", "-timeout", c.Timeout.String()}, flags...)
	args = append(args, "./"+c.Folder, "-rapid.seed=1", "-rapid.nofailfile", "-rapid.shrinktime=0")
	output, err = exec.CommandContext(ctx, "go", args...).CombinedOutput()
	switch _, failed := err.(*exec.ExitError); {
	case ctx.Err() != nil:
		return "", output, ctx.Err()
	case err == nil:
		return survived, output, nil
	case !failed:
		return "", output, err
	case strings.Contains(string(output), "[build failed]"):
		return unborn, output, nil
	}
	return killed, output, nil
}

// knownEquivalents reads the list: each mutant, and whether it is needed.
func knownEquivalents(list string) map[string]bool {
	known := map[string]bool{}
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			known[line] = false
		}
	}
	return known
}
