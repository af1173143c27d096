package e2e

// A process under test:
//   - starts with exactly the environment it is given, in a directory of its own;
//   - is ready when its own /readyz says so;
//   - is stopped as a supervisor would (SIGTERM) or as a power cut would (SIGKILL), and does not outlive the tests,
//     however they end;
//   - shows the end of its log when its test fails.

import (
	"bytes"
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	readyWithin = 60 * time.Second
	stopWithin  = 5 * time.Second  // somebody waits at a terminal
	killedAfter = 10 * time.Second // by container engines
)

type process struct {
	name string
	path string
	args []string
	env  map[string]string
	dir  string
	log  *logBuffer

	cmd     *exec.Cmd
	exited  chan struct{} // closed when the last start has ended, with exitErr
	exitErr error
}

// newProcess prepares countersign with the arguments; a STATE_DIR and the
// loopback addresses it is not given are made up.
func newProcess(t *testing.T, env map[string]string, args ...string) *process {
	t.Helper()
	p := &process{
		name: strings.Join(args, " "), path: binary("countersign"), args: args,
		env: maps.Clone(env), dir: t.TempDir(), log: &logBuffer{},
	}
	if p.env == nil {
		p.env = map[string]string{}
	}
	for _, setting := range []string{"HTTP_ADDR", "INTERNAL_ADDR", "EMBEDDED_KAFKA_ADDR", "EMBEDDED_SMTP_ADDR"} {
		if _, given := p.env[setting]; !given {
			p.env[setting] = freeAddress(t)
		}
	}
	if _, given := p.env["STATE_DIR"]; !given {
		p.env["STATE_DIR"] = t.TempDir()
	}
	t.Cleanup(func() {
		p.kill(t)
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.name, p.log.tail(200))
		}
	})
	return p
}

func (p *process) start(t *testing.T) *process {
	t.Helper()
	p.cmd = exec.Command(p.path, p.args...)
	endWithUs(p.cmd)
	p.cmd.Dir = p.dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir}
	for _, setting := range slices.Sorted(maps.Keys(p.env)) {
		p.cmd.Env = append(p.cmd.Env, setting+"="+p.env[setting])
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Errorf("start %s: %v", p.name, err)
	}
	p.exited = make(chan struct{})
	go func() {
		defer close(p.exited)
		p.exitErr = p.cmd.Wait()
	}()
	return p
}

func (p *process) awaitReady(t *testing.T) *process {
	t.Helper()
	var missing string
	ok := eventually(t.Context(), readyWithin, func() bool {
		if p.over() {
			t.Fatalf("%s ended before it was ready:\n%s", p.name, p.log.tail(40))
		}
		status, body := get(t.Context(), p.internal("/readyz"))
		missing = body
		return status == http.StatusOK
	})
	if !ok {
		t.Fatalf("%s is not ready after %s: %s", p.name, readyWithin, missing)
	}
	return p
}

func (p *process) public(path string) string   { return "http://" + p.env["HTTP_ADDR"] + path }
func (p *process) internal(path string) string { return "http://" + p.env["INTERNAL_ADDR"] + path }

// stop asks the process to end and expects it to do so cleanly and soon.
func (p *process) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("signal %s: %v", p.name, err)
	}
	select {
	case <-p.exited:
		if p.exitErr != nil {
			t.Errorf("%s on %s: %v", p.name, signal, p.exitErr)
		}
	case <-time.After(p.stopWithin()):
		t.Errorf("%s still runs %s after %s", p.name, time.Since(began).Round(time.Second), signal)
		p.kill(t)
	}
}

// stopWithin is how long the process may take to stop: what runs everything has less than a single role.
func (p *process) stopWithin() time.Duration {
	if slices.Contains(p.args, "serve") {
		return killedAfter
	}
	return stopWithin
}

// kill ends the process as a power cut would; one that does not run stays as it is.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if p.cmd == nil || p.over() {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Errorf("kill %s: %v", p.name, err)
	}
	<-p.exited
}

// end waits for a process that ends by itself, as a command or a refused start does.
func (p *process) end(t *testing.T) (exitCode int, output string) {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(readyWithin):
		t.Fatalf("%s still runs after %s:\n%s", p.name, readyWithin, p.log.tail(20))
	}
	return p.cmd.ProcessState.ExitCode(), p.log.String()
}

func (p *process) over() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// eventually says whether the condition came true in time. It asks less often the longer it takes.
func eventually(ctx context.Context, within time.Duration, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for pause := 10 * time.Millisecond; !condition(); pause = min(2*pause, 250*time.Millisecond) {
		select {
		case <-ctx.Done():
			return condition()
		case <-time.After(pause):
		}
	}
	return true
}

// freeAddress returns a loopback address that nothing listens on, never the same twice.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		l.Close()
		if _, taken := handedOut.LoadOrStore(l.Addr().String(), true); !taken {
			return l.Addr().String()
		}
	}
}

var handedOut sync.Map

// logBuffer keeps what a process wrote over all its starts.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) tail(lines int) string {
	all := strings.Split(strings.TrimSpace(b.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
