package e2e

// What operators do about mails that do not arrive.

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestMailsOperated(t *testing.T) {
	mails := newMailbox(t)
	s := prepare(t, mails, map[string]string{"OPERATOR_TOKEN": operatorToken, "INTERNAL_TOKEN": ""})
	s.start(t)
	waiting := newPerson(0)
	t.Run("AMailThatWaitsForASickRelay_IsCancelled", func(t *testing.T) { waitingIsCancelled(t, s, waiting) })
	mails.open(t)
	t.Run("AMailThatWasRefused_IsSentAfterAll", func(t *testing.T) { refusedIsSent(t, s) })
	if sent := mails.to(waiting.address, verifyAccount); len(sent) != 0 {
		t.Errorf("the cancelled mail was sent %d times", len(sent))
	}
}

// mailID waits until an API node lists a mail to the address in that state, and returns its id.
func (s *system) mailID(t *testing.T, address, state string) (id string) {
	t.Helper()
	var output string
	if !eventually(t.Context(), mailWithin, func() bool {
		var exitCode int
		exitCode, output = s.api(0).ask(t, "mail", "list", "--status", state, "--output", "json")
		for line := range strings.Lines(output) {
			var m struct{ ID, Email, State string }
			if exitCode == 0 && json.Unmarshal([]byte(line), &m) == nil && m.Email == address && m.State == state {
				id = m.ID
			}
		}
		return id != ""
	}) {
		t.Fatalf("no mail to %s is listed as %s:\n%s", address, state, output)
	}
	return id
}

// runs expects that an operator's command ends so, and prints that. While nothing is known of what he asked he asks again.
func (s *system) runs(t *testing.T, wantCode int, wantOutput string, args ...string) {
	t.Helper()
	var exitCode int
	var output string
	eventually(t.Context(), mailWithin, func() bool {
		exitCode, output = s.api(0).operates(t, args...)
		return exitCode != 2
	})
	if exitCode != wantCode || !strings.Contains(output, wantOutput) {
		t.Errorf("%v: exit code %d, want %d and %q:\n%s", args, exitCode, wantCode, wantOutput, output)
	}
}

func waitingIsCancelled(t *testing.T, s *system, p *person) {
	check(t, p.registers(t.Context(), s))
	id := s.mailID(t, p.address, "queued")
	if exitCode, output := s.api(0).ask(t, "mail", "cancel", id); exitCode != 1 || !strings.Contains(output, "token") {
		t.Errorf("cancelled without the operator's token: exit code %d:\n%s", exitCode, output)
	}
	for range 2 { // a repeat is harmless
		s.runs(t, 0, id+" cancelled", "mail", "cancel", id)
	}
	s.runs(t, 0, "cancelled", "mail", "show", id)
}

func refusedIsSent(t *testing.T, s *system) {
	p := newPerson(0)
	p.address = refusedOnce + p.address
	check(t, p.registers(t.Context(), s))
	id := s.mailID(t, p.address, "failed")
	s.runs(t, 0, "no such user", "mail", "list", "--status", "failed")
	s.runs(t, 0, "suppressed", "mail", "show", id)
	s.runs(t, 0, `"suppressed":{`, "mail", "show", id, "--output", "json")
	s.runs(t, 1, "its address is suppressed", "mail", "retry", id)
	s.runs(t, 1, "it is failed", "mail", "cancel", id)
	s.runs(t, 0, "are sent again", "mail", "unsuppress", strings.ToUpper(p.address))
	s.runs(t, 1, "not suppressed", "mail", "unsuppress", p.address)
	s.runs(t, 0, id, "mail", "retry", id)
	s.mailID(t, p.address, "sent")
	check(t, p.verifies(t.Context(), s))
	s.runs(t, 1, "it is sent", "mail", "retry", id)
	s.runs(t, 1, "no such mail", "mail", "show", "unknown")
	if sent := s.mails.to(p.address, verifyAccount); len(sent) != 1 {
		t.Errorf("%d mails, want 1", len(sent))
	}
	_, shown := s.api(0).ask(t, "mail", "show", id)
	if !regexp.MustCompile(`(?s)event +user_account_created.*mail.* queued.*mail.* failed .*no such user.*command +retry.*mail.* queued.*mail.* sent.*that is all`).MatchString(shown) {
		t.Errorf("its history is not told:\n%s", shown)
	}
	s.runs(t, 0, "erased_at", "users", "erase", p.address)
	s.runs(t, 1, "no such mail", "mail", "show", id)
}
