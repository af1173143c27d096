// Command mutants changes one thing after another in a package and runs its tests against each change: what no test
// notices is a rule that no test holds. It writes nothing into the package: the compiler is told to read changed files
// from elsewhere (go help build, -overlay). It knows nothing of users or of their rules.
//
// It is ours because the tool that is kept for Go, gremlins v0.6.0, tries no mutant in a constant or in a case's
// condition, where most of these rules stand, and leaves out no statement, field or value.
//
// Changes that mean the same as before stand in a list, each with its reason; any other that survives is an error, and
// so is an entry that nothing needs any more.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
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
	Folder   string   `arg:"" default:"user" help:"The package's folder, named as the package is."`
	Files    []string `help:"Names of files to change. Defaults to all but tests."`
	Parallel int      `default:"1" help:"How many are tested at once."`

	timeout time.Duration // after which tests that do not end have noticed
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&cli{}, kong.BindTo(ctx, (*context.Context)(nil)))
	parsed.FatalIfErrorf(parsed.Run())
}

// Run prints the survivors and the figures. Its error says that there are survivors, or what went wrong.
func (c cli) Run(ctx context.Context) error {
	began := time.Now()
	mutants, unborn, sources, err := c.mutants()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(scratch)

	within := map[int]mutant{}
	for i, m := range mutants {
		if m.body > 0 {
			within[i+1] = m
		}
	}
	all, err := c.build(ctx, filepath.Join(scratch, "all"), together(filepath.Base(c.Folder), sources, within))
	if err != nil {
		return fmt.Errorf("build what lies within functions: %w", err)
	}
	c.timeout = time.Minute
	unchanged := time.Now()
	if noticed, output, err := c.notices(ctx, all, 0); err != nil || noticed {
		return errors.Join(fmt.Errorf("the tests fail without any change:\n%s", output), err)
	}
	c.timeout = 10 * max(time.Since(unchanged), time.Second)

	var mu sync.Mutex
	var survivors []string
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.Parallel)
	for i, m := range mutants {
		group.Go(func() error {
			program := all
			if m.body == 0 {
				own := filepath.Join(scratch, fmt.Sprint(i))
				defer os.RemoveAll(own)
				var err error
				if program, err = c.build(ctx, own, map[string][]byte{m.file: m.mutated()}); err != nil {
					return fmt.Errorf("build %s: %w", m, err)
				}
			}
			noticed, _, err := c.notices(ctx, program, i+1)
			if err != nil {
				return fmt.Errorf("test %s: %w", m, err)
			}
			if !noticed {
				mu.Lock()
				defer mu.Unlock()
				survivors = append(survivors, m.String())
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	slices.Sort(survivors)
	faults := c.judge(survivors)
	fmt.Printf("%d mutants in %s: %d killed, %d survived; %d more do not compile\n",
		len(mutants), time.Since(began).Round(time.Second), len(mutants)-len(survivors), len(survivors), unborn)
	if faults > 0 {
		return fmt.Errorf("%d at fault", faults)
	}
	return nil
}

// mutants returns those of the files that are asked for, how many more do not compile, and every file as it is.
func (c cli) mutants() (all []mutant, unborn int, sources map[string][]byte, err error) {
	paths, err := filepath.Glob(filepath.Join(c.Folder, "*.go"))
	if err != nil {
		return nil, 0, nil, fmt.Errorf("list %s: %w", c.Folder, err)
	}
	sources = map[string][]byte{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if sources[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			return nil, 0, nil, err // it names the file
		}
	}
	check, err := newChecker(sources)
	if err != nil {
		return nil, 0, nil, err
	}
	for name, source := range sources {
		if !c.wants(name) {
			continue
		}
		of, err := mutate(name, source)
		if err != nil {
			return nil, 0, nil, err
		}
		for _, m := range of {
			if check.compiles(m) {
				all = append(all, m)
			} else {
				unborn++
			}
		}
	}
	if len(all) == 0 {
		return nil, 0, nil, fmt.Errorf("nothing to change in %s", c.Folder)
	}
	return all, unborn, sources, nil
}

func (c cli) wants(file string) bool { return len(c.Files) == 0 || slices.Contains(c.Files, file) }

// judge prints what survives and is not in the list, and what is in the list and does not survive. It returns how many.
func (c cli) judge(survivors []string) (faults int) {
	var known []string
	for line := range strings.Lines(equivalent) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			known = append(known, line)
		}
	}
	for _, s := range survivors {
		if at := slices.Index(known, s); at >= 0 {
			known = slices.Delete(known, at, at+1) // each line stands for one
			continue
		}
		faults++
		fmt.Println("survives:", s)
	}
	for _, k := range known {
		if file, _, _ := strings.Cut(k, " "); c.wants(file) {
			faults++
			fmt.Println("is in the list, and does not survive:", k)
		}
	}
	return faults
}
