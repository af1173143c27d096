package main

// What is held here:
//   - the sink is Postfix's, so is what we are measured against: nobody here wrote them;
//   - neither is installed: they run from where the package is unpacked.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"time"
)

// sink takes mails and forgets them.
type sink struct {
	cmd     *exec.Cmd
	addr    string
	postfix string
}

// postfixCommand is one of the package's programs.
func postfixCommand(postfix, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(postfix, "usr/sbin", program), args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(postfix, "usr/lib/postfix"))
	return cmd
}

// newSink starts one, which must be closed.
func newSink(ctx context.Context, postfix string) (*sink, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{addr: free.Addr().String(), postfix: postfix}
	free.Close()
	args := []string{"-m", "1000", s.addr, "1000"}
	if who, err := user.Current(); err == nil && who.Uid == "0" {
		args = append([]string{"-u", "nobody"}, args...)
	}
	s.cmd = postfixCommand(postfix, "smtp-sink", args...)
	var said bytes.Buffer
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start smtp-sink: %w", err)
	}
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
		if err == nil {
			return s, conn.Close()
		}
		if ctx.Err() != nil || time.Now().After(limit) {
			s.close()
			return nil, errors.Join(fmt.Errorf("smtp-sink does not answer: %s", said.Bytes()), err)
		}
	}
}

func (s *sink) close() {
	_ = s.cmd.Process.Kill() // it may have ended
	_ = s.cmd.Wait()
}

// source has smtp-source send that many mails of that many bytes, over connections that stay open.
func (s *sink) source(ctx context.Context, mails, size int) (cost, error) {
	cmd := postfixCommand(s.postfix, "smtp-source", "-d", "-s", strconv.Itoa(connections), "-m", strconv.Itoa(mails),
		"-l", strconv.Itoa(size), "-f", "from@example.org", "-t", "to@example.org", s.addr)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, fmt.Errorf("start smtp-source: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	if err := cmd.Wait(); err != nil {
		return cost{}, fmt.Errorf("smtp-source: %w", err)
	}
	return cost{time.Since(begun), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}
