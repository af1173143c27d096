package e2e

// What operators do about records that could not be read or handled, and about who wants to be forgotten.

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
)

const operatorToken = "the operator's token"

func TestDeadLetters(t *testing.T) {
	s := start(t, map[string]string{"OPERATOR_TOKEN": operatorToken, "INTERNAL_TOKEN": ""})
	t.Run("APoisonRecord_IsListedShownAndRetried", func(t *testing.T) { poisonIsRetried(t, s) })
	t.Run("WhatIsMended_IsHandledOnce_HoweverOftenItIsRetried", func(t *testing.T) { mendedIsHandledOnce(t, s) })
	t.Run("WhoWasErased_IsNotBroughtBack", func(t *testing.T) { erasedStaysGone(t, s) })
}

// operates asks a node as an operator would.
func (p *process) operates(t *testing.T, args ...string) (exitCode int, output string) {
	t.Helper()
	return newProcess(t, map[string]string{"INTERNAL_ADDR": p.env["INTERNAL_ADDR"], "OPERATOR_TOKEN": operatorToken}, args...).start(t).end(t)
}

// misplace writes a record to a partition that is not its key's, so that nobody handles it until it is given back.
func (s *system) misplace(t *testing.T, topic, key string, value []byte) {
	t.Helper()
	n := int32(len(s.partitions(t, topic)))
	client := s.connect(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	r := &kgo.Record{Topic: topic, Partition: (topics.Partition(key, n) + 1) % n, Key: []byte(key), Value: value}
	check(t, client.ProduceSync(t.Context(), r).FirstErr())
}

// letter waits until every API node shows the key's latest letter as it should be, and returns its id.
func (s *system) letter(t *testing.T, key, state string, attempts int) (id string) {
	t.Helper()
	for _, node := range s.apis {
		var answer string
		if !eventually(t.Context(), readWithin, func() bool {
			for _, r := range of(key, s.read(t, topics.DeadLetters)) {
				id = header(r, "dead_letter_id")
			}
			var d struct {
				State    string
				Attempts int
			}
			var status int
			status, answer = get(t.Context(), node.internal("/dead-letters/"+id))
			return status == http.StatusOK && json.Unmarshal([]byte(answer), &d) == nil && d.State == state && d.Attempts == attempts
		}) {
			t.Fatalf("the letter of %s is %s, want it %s after %d attempts", key, answer, state, attempts)
		}
	}
	return id
}

// registrationOf is a command that registers somebody who never asked for it at an API node.
func registrationOf(t *testing.T, s *system, p *person) []byte {
	t.Helper()
	model := newPerson(0)
	check(t, model.registers(t.Context(), s))
	var command map[string]any
	check(t, json.Unmarshal(of(model.address, s.read(t, topics.UserCommands))[0].Value, &command))
	command["email"], command["command_id"], command["verification_id"] = p.address, uuid.NewString(), uuid.NewString()
	value, err := json.Marshal(command)
	check(t, err)
	return value
}

func poisonIsRetried(t *testing.T, s *system) {
	key := newPerson(0).address
	s.misplace(t, topics.UserAccountDeleted, key, []byte("no\x1bjson"))
	id := s.letter(t, key, "open", 1)
	if exitCode, output := s.api(0).ask(t, "dead-letters", "list", "--topic", topics.UserAccountDeleted); exitCode != 0 ||
		!strings.Contains(output, id) || !strings.Contains(output, "no JSON") || strings.Contains(output, key) {
		t.Errorf("list: exit code %d:\n%s", exitCode, output)
	}
	if exitCode, output := s.api(0).ask(t, "dead-letters", "show", id); exitCode != 0 ||
		!strings.Contains(output, key) || !strings.Contains(output, `"no\x1bjson"`) || !strings.Contains(output, "notification-service") {
		t.Errorf("show: exit code %d:\n%s", exitCode, output)
	}
	if exitCode, output := s.api(0).ask(t, "dead-letters", "retry", id); exitCode == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, "token") {
		t.Errorf("retry without the operator's token: exit code %d:\n%s", exitCode, output)
	}
	if exitCode, output := s.api(0).operates(t, "dead-letters", "retry", id); exitCode != 0 || output != "retried "+id+"\n" {
		t.Errorf("retry: exit code %d:\n%s", exitCode, output)
	}
	s.letter(t, key, "open", 2)
	if exitCode, output := s.api(1).operates(t, "dead-letters", "retry", "--all", "--topic", topics.UserAccountDeleted); exitCode != 0 || !strings.Contains(output, "retried "+id) {
		t.Errorf("retry --all: exit code %d:\n%s", exitCode, output)
	}
	s.letter(t, key, "open", 3)
	for _, args := range [][]string{{"retry"}, {"retry", id, "--all"}, {"show", "unknown"}} {
		if exitCode, output := s.api(0).operates(t, append([]string{"dead-letters"}, args...)...); exitCode == 0 || !strings.Contains(output, "error") {
			t.Errorf("%v: exit code %d:\n%s", args, exitCode, output)
		}
	}
}

func mendedIsHandledOnce(t *testing.T, s *system) {
	p := newPerson(0)
	s.misplace(t, topics.UserCommands, p.address, registrationOf(t, s, p))
	id := s.letter(t, p.address, "open", 1)
	var retried atomic.Int32
	var operators sync.WaitGroup
	for node := range 3 {
		operators.Go(func() {
			if exitCode, output := s.api(node).operates(t, "dead-letters", "retry", id); exitCode == 0 {
				retried.Add(1)
			} else if !strings.Contains(output, "retried before") {
				t.Errorf("exit code %d:\n%s", exitCode, output)
			}
		})
	}
	operators.Wait()
	if n := retried.Load(); n != 1 {
		t.Errorf("it was retried %d times", n)
	}
	s.letter(t, p.address, "retried", 1)
	_, err := s.mails.await(t.Context(), p.address, verifyAccount)
	check(t, err)
	// What was handled before, and is put aside and given back by hand, is mailed no second time.
	handled := of(p.address, s.read(t, topics.UserCommands))
	s.misplace(t, topics.UserCommands, p.address, handled[0].Value)
	again := s.letter(t, p.address, "open", 1)
	if exitCode, output := s.api(0).operates(t, "dead-letters", "retry", again); exitCode != 0 {
		t.Errorf("exit code %d:\n%s", exitCode, output)
	}
	check(t, newPerson(0).proves(t.Context(), s))
	for _, node := range s.users {
		node.kill(t)
		node.start(t).awaitReady(t)
	}
	if created := of(p.address, s.read(t, topics.UserAccountCreated, topics.UserCodeRequested)); len(created) != 1 {
		t.Errorf("%d events", len(created))
	}
	if mails := s.mails.to(p.address, verifyAccount); len(mails) != 1 {
		t.Errorf("%d mails", len(mails))
	}
}

func erasedStaysGone(t *testing.T, s *system) {
	p := newPerson(0)
	s.misplace(t, topics.UserCommands, p.address, registrationOf(t, s, p))
	id := s.letter(t, p.address, "open", 1)
	check(t, p.proves(t.Context(), s))
	if exitCode, output := s.api(0).ask(t, "users", "erase", p.address); exitCode == 0 {
		t.Errorf("erased without the operator's token:\n%s", output)
	}
	if exitCode, output := s.api(0).operates(t, "users", "erase", p.address); exitCode != 0 || !strings.Contains(output, "erased_at") {
		t.Fatalf("erase: exit code %d:\n%s", exitCode, output)
	}
	for _, node := range s.apis {
		if !eventually(t.Context(), readWithin, func() bool { status, _ := p.lookup(t.Context(), node); return status == http.StatusNotFound }) {
			t.Errorf("%s still knows the account", node.name)
		}
	}
	s.letter(t, p.address, "refused", 1)
	if exitCode, output := s.api(1).operates(t, "dead-letters", "retry", id); exitCode == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, "erased") {
		t.Errorf("retry: exit code %d:\n%s", exitCode, output)
	}
	if deleted := of(p.address, s.read(t, topics.UserAccountDeleted)); len(deleted) != 1 || strings.Contains(string(deleted[0].Value), "Ada") {
		t.Errorf("deleted: %v", deleted)
	}
	for _, table := range []string{topics.UserTable, topics.OutboxTable} {
		rows := of(p.address, s.read(t, table))
		if row := rows[len(rows)-1]; strings.Contains(string(row.Value), "Ada") {
			t.Errorf("%s still holds %s", table, row.Value)
		}
	}
	if slices.ContainsFunc(s.all(), func(n *process) bool { return strings.Contains(n.log.String(), p.address) }) {
		t.Error("a log holds the address")
	}
}
