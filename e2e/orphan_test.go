package e2e

// What the tests start ends with them, also when they cannot say so.

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestProcess_OfATestRunThatIsKilled_EndsToo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux")
	}
	const victim = "E2E_VICTIM" // set in the test run that is killed
	if os.Getenv(victim) != "" {
		p := newProcess(t, nil, "run").start(t).awaitReady(t)
		fmt.Println(p.internal("/livez"))
		<-p.exited
		return
	}
	run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	endWithUs(run)
	run.Env = append(os.Environ(), victim+"=1", builtBinaries+"="+binaries, "TMPDIR="+t.TempDir())
	out, err := run.StdoutPipe()
	check(t, err)
	check(t, run.Start())
	var live string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if live = lines.Text(); strings.HasPrefix(live, "http://") {
			break
		}
	}
	status, body := get(t.Context(), live)
	check(t, run.Process.Kill())
	_ = run.Wait() // it was killed
	if status != 200 {
		t.Fatalf("before the kill, %q answered %d %s", live, status, body)
	}
	if !eventually(t.Context(), stopWithin, func() bool {
		status, _ = get(t.Context(), live)
		return status == 0
	}) {
		t.Errorf("%s still answers", live)
	}
}
