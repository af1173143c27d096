package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// binaries is the directory of the binaries under test. builtBinaries names it where they are built already.
var binaries string

const builtBinaries = "E2E_BINARIES"

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	if binaries = os.Getenv(builtBinaries); binaries != "" {
		return m.Run(), nil
	}
	binaries, err = os.MkdirTemp("", "countersign-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(binaries)
	args := []string{"build", "-o", binaries}
	if raceDetector {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/countersign", "./examples/recommender")...)
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the binaries: %w\n%s", err, out)
	}
	return m.Run(), nil
}

func binary(name string) string { return filepath.Join(binaries, name) }

// brokerList is the real Kafka to test on, empty for the embedded broker.
func brokerList() string { return os.Getenv("KAFKA_BROKER_LIST") }

func brokers() []string { return strings.Split(brokerList(), ",") }

func onRealKafka(t *testing.T) {
	t.Helper()
	if brokerList() == "" {
		t.Skip("needs a real Kafka: make test-kafka")
	}
}
