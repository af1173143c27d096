package e2e

// What becomes of a call while Kafka is away: it is answered soon, and done once when it comes again.

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// saidWithin is how long a caller waits to hear that Kafka is away.
const saidWithin = 3 * time.Second

func TestRegister_WhileKafkaIsAway_IsRefusedSoon_AndDoneOnceWithItsKeyLater(t *testing.T) {
	onRealKafka(t)
	dir := os.Getenv("KAFKA_DIR")
	if dir == "" {
		t.Skip("KAFKA_DIR is not set: this Kafka is not ours to stop")
	}
	s := start(t, nil)
	for name, ways := range map[string]struct{ goes, comes func() error }{
		"Hanging": {
			goes:  func() error { return signalKafka(dir, syscall.SIGSTOP) },
			comes: func() error { return signalKafka(dir, syscall.SIGCONT) },
		},
		"Killed": {
			goes:  func() error { return exec.Command("../.ci/kafka", "stop", dir).Run() },
			comes: func() error { return exec.Command("../.ci/kafka", "start", dir).Run() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			comes := sync.OnceFunc(func() { check(t, ways.comes()) })
			defer comes()
			check(t, ways.goes())
			p := newPerson(0)
			began := time.Now()
			a := post(t.Context(), s.api(0).public("/api/register"), nil, p.registration())
			took, key := time.Since(began), a.header.Get("Idempotency-Key")
			if code := a.text("code"); a.status != http.StatusServiceUnavailable || code != "unavailable" && code != "outcome_unknown" ||
				a.header.Get("Retry-After") == "" || key == "" || took > saidWithin {
				t.Fatalf("after %v: %d %v %v", took, a.status, a.header, a.body)
			}
			comes()
			check(t, p.registersAs(t.Context(), s, key))
			check(t, p.verifies(t.Context(), s))
			_, err := s.mails.await(t.Context(), p.address, accountVerified)
			check(t, err)
			if events := of(p.address, s.read(t, "user_account_created", "user_code_requested")); len(events) != 1 {
				t.Errorf("%d registrations, want 1", len(events))
			}
			if mails := s.mails.to(p.address, verifyAccount); len(mails) != 1 {
				t.Errorf("%d mails with a code, want 1", len(mails))
			}
		})
	}
}

// signalKafka sends a signal to each node that .ci/kafka runs in dir.
func signalKafka(dir string, signal syscall.Signal) error {
	files, err := filepath.Glob(filepath.Join(dir, "*", "pid"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no node runs in %s: %w", dir, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil {
			return err
		}
		if err := syscall.Kill(pid, signal); err != nil {
			return err
		}
	}
	return nil
}
