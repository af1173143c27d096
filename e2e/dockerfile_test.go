package e2e

// The Dockerfile, where there is no container engine:
//   - what it copies is there, and its last stage has nothing but the binary and no root;
//   - its build command, run natively, makes a static binary. TestRun_IsReadyWithin3Seconds starts that one.

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// dockerfile returns the instructions, each as its words.
func dockerfile() (instructions [][]string, err error) {
	content, err := os.ReadFile("../Dockerfile")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(strings.ReplaceAll(string(content), "\\\n", " ")) {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			instructions = append(instructions, words)
		}
	}
	return instructions, nil
}

func TestDockerfile_CopiesWhatIsThere_AndEndsWithoutRoot(t *testing.T) {
	instructions, err := dockerfile()
	check(t, err)
	var stages, users []string
	var base, from string
	for _, words := range instructions {
		switch words[0] {
		case "FROM":
			base, from, users = words[1], "", nil
			if len(words) == 4 {
				stages = append(stages, words[3])
			}
		case "USER":
			users = append(users, words[1])
		case "COPY":
			sources := slices.DeleteFunc(words[1:len(words)-1], func(word string) bool {
				if stage, ok := strings.CutPrefix(word, "--from="); ok {
					from = stage
				}
				return strings.HasPrefix(word, "--")
			})
			if from != "" && !slices.Contains(stages, from) {
				t.Errorf("%v: there is no stage %s", words, from)
			}
			for _, source := range sources {
				if _, err := os.Stat(filepath.Join("..", source)); from == "" && err != nil {
					t.Errorf("%v: %v", words, err)
				}
			}
		}
	}
	if !strings.HasPrefix(base, "gcr.io/distroless/static:") || !slices.Equal(users, []string{"nonroot:nonroot"}) {
		t.Errorf("the last stage is made from %s and runs as %v", base, users)
	}
}

func TestDockerfile_ItsBuildCommand_MakesAStaticBinary(t *testing.T) {
	path := shippedBinary(t)
	if runtime.GOOS != "linux" {
		t.Skip("the native binary is no ELF file")
	}
	file, err := elf.Open(path)
	check(t, err)
	defer file.Close()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("the binary needs a dynamic linker")
	}
}

// shippedBinary returns the binary that the Dockerfile's build command makes here.
func shippedBinary(t *testing.T) string {
	t.Helper()
	path, err := shipped()
	check(t, err)
	return path
}

var shipped = sync.OnceValues(func() (string, error) {
	instructions, err := dockerfile()
	if err != nil {
		return "", err
	}
	command := regexp.MustCompile(`^RUN (CGO_ENABLED=0 go build .*)-o /countersign( .*?)( &&|$)`)
	for _, words := range instructions {
		parts := command.FindStringSubmatch(strings.Join(words, " "))
		if parts == nil {
			continue
		}
		build := exec.Command("sh", "-c", parts[1]+`-o "$0"`+parts[2], binary("shipped"))
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", build, err, out)
		}
		return binary("shipped"), nil
	}
	return "", fmt.Errorf("no line of the Dockerfile matches %s", command)
})
