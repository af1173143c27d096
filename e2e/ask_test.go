package e2e

// What operators ask a running instance on the command line.

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"countersign/topics"
)

// ask runs a command that asks the process, and returns what it printed.
func (p *process) ask(t *testing.T, args ...string) (exitCode int, output string) {
	t.Helper()
	return newProcess(t, map[string]string{"INTERNAL_ADDR": p.env["INTERNAL_ADDR"]}, args...).start(t).end(t)
}

func TestUsersAsked(t *testing.T) {
	s := start(t, nil)
	t.Run("ShowsAnAccount_AndNothingThatACodeIsMadeOf", func(t *testing.T) { usersGetShows(t, s) })
	t.Run("OfAnUnknownAddress_FailsInOneLine", func(t *testing.T) { usersGetFails(t, s) })
	t.Run("List_ShowsAccountsByTheirAddresses", func(t *testing.T) { usersListShows(t, s) })
	t.Run("History_TellsWhatHappened_UntilTheErasure", func(t *testing.T) { usersHistoryTells(t, s) })
}

func usersListShows(t *testing.T, s *system) {
	p := newPerson(0)
	check(t, p.proves(t.Context(), s))
	exitCode, output := s.api(p.node).ask(t, "users", "list", "--prefix", p.address, "--status", "verified", "--output", "json")
	var account struct{ Email, Status string }
	if err := json.Unmarshal([]byte(output), &account); err != nil || exitCode != 0 || account.Email != p.address || account.Status != "verified" {
		t.Errorf("exit code %d, %v:\n%s", exitCode, err, output)
	}
	if exitCode, output = s.api(p.node).ask(t, "users", "list", "--status", "erased"); exitCode == 0 || !strings.Contains(output, "status: must be") {
		t.Errorf("exit code %d:\n%s", exitCode, output)
	}
}

func usersHistoryTells(t *testing.T, s *system) {
	p := newPerson(0)
	check(t, p.registers(t.Context(), s))
	code, err := p.mailedCode(t.Context(), s)
	check(t, err)
	tells := func(what ...string) {
		t.Helper()
		var output string
		if !eventually(t.Context(), readWithin, func() bool { // a mail may be on its way
			_, output = s.api(p.node).ask(t, "users", "history", p.address)
			return regexp.MustCompile("(?s)" + strings.Join(what, ".*\n.*") + ".*\nthat is all\n$").MatchString(output)
		}) {
			t.Errorf("%q is not told in\n%s", what, output)
		}
		if regexp.MustCompile(`\b` + code + `\b`).MatchString(output) {
			t.Errorf("the code %s is told in\n%s", code, output)
		}
	}
	begun := []string{"command +register [^\n]*accepted", "event +user_account_created", "mail +verify_account [^\n]*sent"}
	tells(begun...) // a mail is there before it is known that it is
	p.verify(t.Context(), s, another(code))
	check(t, p.verifies(t.Context(), s))
	tells(append(begun, "command +verify [^\n]*code_invalid .4 tries left",
		"command +verify [^\n]*verified", "event +user_account_verified", "mail +account_verified [^\n]*sent")...)
	if exitCode, output := s.api(p.node).ask(t, "users", "erase", p.address); exitCode != 0 {
		t.Fatal(output)
	}
	tells("command +erase [^\n]*erased", "event +user_account_deleted")
	if _, output := s.api(p.node).ask(t, "users", "history", p.address); strings.Contains(output, "register") || strings.Contains(output, "user_account_verified") {
		t.Errorf("after the erasure:\n%s", output)
	}
}

func usersGetShows(t *testing.T, s *system) {
	p := newPerson(0)
	check(t, p.registers(t.Context(), s))
	code, err := p.mailedCode(t.Context(), s)
	check(t, err)
	var account struct{ Email, Status string }
	var exitCode int
	var output string
	eventually(t.Context(), readWithin, func() bool { // the mail may be faster than this api's view
		exitCode, output = s.api(0).ask(t, "users", "get", strings.ToUpper(p.address))
		return exitCode == 0
	})
	if err := json.Unmarshal([]byte(output), &account); err != nil || exitCode != 0 || account.Email != p.address || account.Status != "pending" {
		t.Errorf("exit code %d, %v:\n%s", exitCode, err, output)
	}
	var command map[string]any
	check(t, json.Unmarshal(of(p.address, s.read(t, topics.UserCommands))[0].Value, &command))
	for _, field := range []string{"nonce", "answer_digest", "link_digest"} {
		if value, _ := command[field].(string); value == "" || strings.Contains(output, value) || strings.Contains(output, field) {
			t.Errorf("%s, %q in the command, is shown:\n%s", field, value, output)
		}
	}
	if regexp.MustCompile(`\b` + code + `\b`).MatchString(output) {
		t.Errorf("the code %s is shown:\n%s", code, output)
	}
}

func usersGetFails(t *testing.T, s *system) {
	exitCode, output := s.api(0).ask(t, "users", "get", newPerson(0).address)
	if exitCode == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, "Nothing is known of this address") {
		t.Errorf("exit code %d:\n%s", exitCode, output)
	}
}

func TestHealth_OfNobody_FailsAndNamesTheSetting(t *testing.T) {
	nobody := newProcess(t, nil, "run")
	exitCode, output := nobody.ask(t, "health")
	if exitCode == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, "INTERNAL_ADDR="+nobody.env["INTERNAL_ADDR"]) {
		t.Errorf("exit code %d:\n%s", exitCode, output)
	}
}

// On a Kafka that the tests share, this mail would make other tests' notifiers unready too.
func TestHealth_OfANotifierThatMissesAMailsSecret_FailsAndSaysWhy(t *testing.T) {
	if brokerList() != "" {
		t.Skip("needs a broker of its own")
	}
	s := start(t, nil)
	p := newPerson(0)
	check(t, p.proves(t.Context(), s))
	notifier := s.notifiers[0]
	if exitCode, output := notifier.ask(t, "health"); exitCode != 0 || output != "" {
		t.Errorf("ready: exit code %d:\n%s", exitCode, output)
	}
	// A second mail of the same kind, with a code by a secret that only another process has.
	var event topics.Event
	check(t, json.Unmarshal(of(p.address, s.read(t, topics.UserAccountCreated))[0].Value, &event))
	event.ID, event.Sequence = "later", event.Sequence+2
	event.Verification.ID, event.Verification.SecretID = "another", "elsewhere"
	s.writes(t, topics.SourceUsers, topics.UserCodeRequested, p.address, event)
	var exitCode int
	var output string
	if !eventually(t.Context(), mailWithin, func() bool {
		exitCode, output = notifier.ask(t, "health")
		return exitCode != 0
	}) {
		t.Fatal("still healthy")
	}
	if strings.Count(output, "\n") != 1 || !strings.Contains(output, "mail sender") || !strings.Contains(output, `"elsewhere"`) {
		t.Errorf("exit code %d:\n%s", exitCode, output)
	}
}
