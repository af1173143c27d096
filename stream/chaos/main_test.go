package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// counterBinary is the application under test; empty when no scenario runs.
var counterBinary string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if code == 0 {
		if err := goleak.Find(
			goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"), // ends 1 s after its database
			goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),  // sarama's
		); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	if os.Getenv("CHAOS") == "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	counterBinary = filepath.Join(dir, "counter")
	if out, err := exec.Command("go", "build", "-o", counterBinary, "./counter").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the counter: %w\n%s", err, out)
	}
	code := m.Run()
	printReport(os.Stdout)
	return code, nil
}
