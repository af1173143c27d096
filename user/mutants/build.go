package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// How mutants become programs:
//   - one that the compiler would refuse is none: the type checker says so beforehand;
//   - all that lie within functions are one program: each function begins with its mutants, and the environment says which
//     of them is alive;
//   - one that lies elsewhere, in a constant say, is a program of its own.

// checker says which mutants compile.
type checker struct {
	positions *token.FileSet
	files     map[string]*ast.File // as they are
	config    types.Config
}

func newChecker(sources map[string][]byte) (*checker, error) {
	c := &checker{positions: token.NewFileSet(), files: map[string]*ast.File{}}
	c.config.Importer = importer.ForCompiler(c.positions, "source", nil)
	for name, source := range sources {
		f, err := parser.ParseFile(c.positions, name, source, 0)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		c.files[name] = f
	}
	return c, nil
}

func (c *checker) compiles(m mutant) bool {
	changed, err := parser.ParseFile(c.positions, m.file, m.mutated(), 0)
	if err != nil {
		return false
	}
	files := maps.Clone(c.files)
	files[m.file] = changed
	_, err = c.config.Check("mutant", c.positions, slices.Collect(maps.Values(files)), nil)
	return err == nil
}

// alive is the environment's variable with the number of the mutant that is to live, from 1.
const alive = "MUTANT"

// together returns files in which each function is every one of its mutants, and the file that picks one.
func together(pkg string, sources map[string][]byte, mutants map[int]mutant) map[string][]byte {
	type place struct {
		file string
		body int
	}
	choices := map[place]string{}
	for _, n := range slices.Sorted(maps.Keys(mutants)) {
		m := mutants[n]
		end := ""
		if !m.results {
			end = "return\n"
		}
		body := string(m.source[m.body+1:m.from]) + m.with + string(m.source[m.to:m.end])
		choices[place{m.file, m.body}] += fmt.Sprintf("\nif mutantAlive == %d {%s\n%s}\n", n, body, end)
	}
	files := map[string][]byte{}
	places := slices.SortedFunc(maps.Keys(choices), func(a, b place) int { return b.body - a.body }) // from the end
	for _, p := range places {
		source, begun := files[p.file]
		if !begun {
			source = sources[p.file]
		}
		files[p.file] = slices.Concat(source[:p.body+1], []byte(choices[p]), source[p.body+1:])
	}
	files["mutant_alive.go"] = fmt.Appendf(nil, "package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar mutantAlive, _ = strconv.Atoi(os.Getenv(%q))\n", pkg, alive)
	return files
}

// build makes the tests' program in a new folder, of a package some files of which are others.
func (c cli) build(ctx context.Context, scratch string, files map[string][]byte) (program string, err error) {
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for name, source := range files {
		original, err := filepath.Abs(filepath.Join(c.Folder, name))
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(scratch, name)
		if err := os.WriteFile(replace[original], source, 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list := filepath.Join(scratch, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(scratch, "tests")
	output, err := exec.CommandContext(ctx, "go", "test", "-vet=off", "-c", "-o", program, "-overlay", list, "./"+c.Folder).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, output)
	}
	return program, nil
}

// notices runs the tests with a mutant alive, 0 for none: the same ones each time, so that the figure is the same each time.
func (c cli) notices(ctx context.Context, program string, n int) (bool, string, error) {
	run := exec.CommandContext(ctx, program, "-test.failfast", "-test.short", "-test.timeout", c.timeout.String(),
		"-rapid.seed=1", "-rapid.nofailfile", "-rapid.shrinktime=0")
	run.Dir = c.Folder
	run.Env = append(os.Environ(), alive+"="+strconv.Itoa(n))
	output, err := run.CombinedOutput()
	if _, failed := err.(*exec.ExitError); failed && ctx.Err() == nil {
		return true, string(output), nil
	}
	return false, "", err
}
