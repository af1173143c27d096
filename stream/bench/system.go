package main

// What is held here:
//   - a system is a process of its own, so its processor time and memory are its own;
//   - it prints READY and how many milliseconds it took once it processes, and ends when its standard input does: it
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
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readyTimeout is how long a system may take to begin.
const readyTimeout = 2 * time.Minute

// system is one of those that are compared.
type system struct {
	name    string
	table   string   // of rows, after the group's name; empty: none
	command []string // is followed by a target's arguments
}

const (
	exactlyOnce = "exactly_once"
	atLeastOnce = "at_least_once"
	plainGoka   = "goka+sarama"
	floor       = "relay"

	streamsAtLeastOnce = "streams at_least_once"
	streamsExactlyOnce = "streams exactly_once"
	streamsLowLatency  = "streams exactly_once 25 ms"
)

// systems are those of the named ones, or of all, that can be measured with these settings.
func (s Settings) systems(named ...string) ([]system, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := []system{{name: floor, command: []string{self, "peer", floor}}}
	for _, name := range []string{exactlyOnce, atLeastOnce, plainGoka} {
		all = append(all, system{name, "-table", []string{self, "peer", name}})
	}
	if s.Streams != "" {
		classes := filepath.Join(s.Streams, "*") + ":" + filepath.Join(s.Streams, "classes")
		java := func(name string, args ...string) system {
			command := []string{"java", "-Xmx512m", "-cp", classes, "Streams"}
			return system{name, "-accounts-changelog", append(command, args...)}
		}
		all = append(all,
			java(streamsAtLeastOnce, "at_least_once", "-", "-"),
			java(streamsExactlyOnce, "exactly_once_v2", "-", "-"),
			java(streamsLowLatency, "exactly_once_v2", "25", "5"))
	}
	for _, name := range s.Only {
		if !slices.ContainsFunc(all, func(s system) bool { return s.name == name }) {
			return nil, fmt.Errorf("--only names %q, which is none of the systems here", name)
		}
	}
	return slices.DeleteFunc(all, func(one system) bool {
		return len(s.Only) > 0 && !slices.Contains(s.Only, one.name) || len(named) > 0 && !slices.Contains(named, one.name)
	}), nil
}

// process is a system that runs.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer
	ended  chan error
	took   time.Duration // until it was ready, by its own clock
}

// start returns when the system processes.
func (s system) start(ctx context.Context, t target) (*process, error) {
	args := append(slices.Clone(s.command), t.Brokers, t.Group, t.Dir)
	p := &process{cmd: exec.Command(args[0], args[1:]...), stderr: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
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
	case p.took = <-ready:
		return p, nil
	case err := <-p.ended:
		return nil, fmt.Errorf("%s ended before it was ready: %w\n%s", s.name, err, p.stderr)
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(readyTimeout):
		err = fmt.Errorf("%s is not ready after %v", s.name, readyTimeout)
	}
	return nil, errors.Join(err, p.stop())
}

// stop asks the process to end, and kills it when that takes more than 20 s.
func (p *process) stop() error {
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

// kill ends the process without its knowledge.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// cpu is the processor time that the process has used, in steps of 10 ms.
func (p *process) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time (Linux only): %w", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third on: proc(5)
	user, err := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, err2)
}

// peak is the most memory that the process has held, in MiB.
func (p *process) peak() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read peak memory (Linux only): %w", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		return 0, fmt.Errorf("read peak memory: %w", err)
	}
	return kib / 1024, nil
}
