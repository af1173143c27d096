package chaos

// What is held here:
//   - an instance is a process, so that what is done to it is real;
//   - it keeps its name and its local stores from start to start;
//   - whatever was left of its local store by a kill is looked at before it starts again.

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// stopWithin bounds a clean stop.
const stopWithin = 20 * time.Second

// instance is a counter that is started, and started again.
type instance struct {
	t    *testing.T
	name string
	args []string
	dir  string
	out  *output

	cmd    *exec.Cmd
	stdin  interface{ Close() error }
	exited chan struct{} // closed when the process has ended
	err    error         // of the process, once exited is closed
}

// start starts the process; it does not run.
func (i *instance) start() {
	i.t.Helper()
	i.out.ready.Store(false)
	i.cmd = exec.Command(counterBinary, i.args...)
	i.cmd.Stdout, i.cmd.Stderr = i.out, i.out
	stdin, err := i.cmd.StdinPipe() // it ends with us: when this one is closed
	if err != nil {
		i.t.Fatal(err)
	}
	i.stdin = stdin
	if err := i.cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.exited = make(chan struct{})
	go func() {
		defer close(i.exited)
		i.err = i.cmd.Wait()
	}()
}

// signal sends the process a signal.
func (i *instance) signal(s syscall.Signal) {
	i.t.Helper()
	if err := i.cmd.Process.Signal(s); err != nil {
		i.t.Fatalf("send %s %v: %v", i.name, s, err)
	}
}

// kill ends the process as a power cut would.
func (i *instance) kill() {
	i.t.Helper()
	i.signal(syscall.SIGKILL)
	<-i.exited
}

// stop ends the process as a supervisor would, and expects it to end well.
func (i *instance) stop() {
	i.t.Helper()
	i.signal(syscall.SIGTERM)
	select {
	case <-i.exited:
		if i.err != nil {
			i.t.Errorf("%s did not stop well: %v\n%s", i.name, i.err, i.out.tail())
		}
	case <-time.After(stopWithin):
		i.t.Errorf("%s does not stop:\n%s", i.name, i.out.tail())
		i.kill()
	}
}

// over says whether the process has ended, or never began.
func (i *instance) over() bool {
	if i.cmd == nil {
		return true
	}
	select {
	case <-i.exited:
		return true
	default:
		return false
	}
}

// stores are the directories of its local stores of a use, processor or view.
func (i *instance) stores(use string) []string {
	dirs, err := filepath.Glob(filepath.Join(i.dir, "*", "*", use, "*"))
	if err != nil {
		i.t.Fatal(err)
	}
	return dirs
}

// output is what a process wrote over all its starts; a line "ready" is noted and not kept.
type output struct {
	ready atomic.Bool
	mu    sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	if bytes.Equal(b, []byte("ready\n")) {
		o.ready.Store(true)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(o.text.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-80):], "\n")
}
