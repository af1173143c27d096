// Package measure is what benchmarks share: processes whose processor time and memory are their own, and tables of medians
// and ratios. It does not know what is measured.
package measure

// What is held here:
//   - a process prints READY and how many milliseconds it took once it works, and ends when its standard input does: it
//     never outlives who started it.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// readyTimeout is how long a process may take to begin.
const readyTimeout = 2 * time.Minute

// Process is one that runs.
type Process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
	ended  chan error

	// Took is how long it took until it was ready, by its own clock.
	Took time.Duration
}

// Start starts a command and returns when it is ready. Errors call it by name.
func Start(ctx context.Context, name string, command ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(command[0], command[1:]...), stderr: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	ready := make(chan time.Duration, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if ms, ok := strings.CutPrefix(lines.Text(), "READY "); ok {
				n, _ := strconv.Atoi(ms)
				select {
				case ready <- time.Duration(n) * time.Millisecond:
				default: // again after a rebalance
				}
			}
		}
		p.ended <- p.cmd.Wait()
	}()
	select {
	case p.Took = <-ready:
		return p, nil
	case err := <-p.ended:
		return nil, fmt.Errorf("%s ended before it was ready: %w\n%s", name, err, p.stderr)
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(readyTimeout):
		err = fmt.Errorf("%s is not ready after %v", name, readyTimeout)
	}
	return nil, errors.Join(err, p.Stop())
}

// Stop asks the process to end, and kills it when that takes more than 20 s.
func (p *Process) Stop() error {
	p.stdin.Close()
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("%w\n%s", err, p.stderr)
		}
		return nil
	case <-time.After(20 * time.Second):
		return errors.Join(errors.New("did not stop within 20 s"), p.cmd.Process.Kill(), <-p.ended)
	}
}

// Kill ends the process without its knowledge.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// CPU is the processor time that the process has used, in steps of 10 ms.
func (p *Process) CPU() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time (Linux only): %w", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on: proc(5)
	user, err := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, err2)
}

// Peak is the most memory that the process has held, in MiB.
func (p *Process) Peak() (float64, error) { return p.memory("VmHWM:") }

// Holds is the memory that the process holds, in MiB.
func (p *Process) Holds() (float64, error) { return p.memory("VmRSS:") }

// memory is a line of proc(5)'s status.
func (p *Process) memory(line string) (mebibytes float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read memory (Linux only): %w", err)
	}
	_, after, _ := strings.Cut(string(status), line)
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return kib / 1024, nil
}

// Serve is the other side of Start: it runs work until standard input ends, and tells when work calls ready.
func Serve(ctx context.Context, work func(ctx context.Context, ready func()) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	begun := time.Now()
	return work(ctx, func() { fmt.Println("READY", time.Since(begun).Milliseconds()) })
}
