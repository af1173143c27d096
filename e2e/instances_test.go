package e2e

// What operators are told of who runs, and what each owns.

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"countersign/topics"
	"countersign/topology"
)

// usersOnly is an api and two users processes, on the embedded broker too.
func usersOnly(t *testing.T) *system {
	t.Helper()
	mails := newMailbox(t)
	env := settings(mails, nil)
	s := &system{mails: mails, brokers: kafkaOfRoles(t, env)}
	s.apis = []*process{newProcess(t, env, "serve", "api")}
	for range 2 {
		p := newProcess(t, env, "serve", "users")
		p.env["INSTANCE_ID"] = "users-" + strings.ReplaceAll(p.env["INTERNAL_ADDR"], ":", "-") // of this test alone
		s.users = append(s.users, p)
	}
	for _, p := range append(s.users, s.apis...) {
		p.start(t)
	}
	for _, p := range append(s.users, s.apis...) {
		p.awaitReady(t)
	}
	return s
}

// usersOf is who owns the partitions of the users group, and how every instance is.
func usersOf(t *testing.T, answer string) (users topology.Ownership, states map[string]topology.State) {
	t.Helper()
	var all topology.Topology
	if err := json.Unmarshal([]byte(answer), &all); err != nil {
		t.Fatalf("%v:\n%s", err, answer)
	}
	states = map[string]topology.State{}
	for _, m := range all.Instances {
		states[m.Name] = m.State
	}
	i := slices.IndexFunc(all.Groups, func(o topology.Ownership) bool { return o.Group == topics.UserService })
	return all.Groups[i], states
}

// owned counts partitions by their owner.
func owned(users topology.Ownership) map[string]int {
	by := map[string]int{}
	for _, p := range users.Partitions {
		by[p.Instance]++
	}
	return by
}

func TestInstances_OneIsKilledAndOneStops_OperatorsSeeWhoOwnsWhat(t *testing.T) {
	s := usersOnly(t)
	one, other := s.users[0].env["INSTANCE_ID"], s.users[1].env["INSTANCE_ID"]
	all := len(s.partitions(t, topics.UserCommands))
	p := newPerson(0)
	check(t, p.registers(t.Context(), s))

	shows := func(what string, condition func(users topology.Ownership, states map[string]topology.State) bool) {
		t.Helper()
		var users topology.Ownership
		var states map[string]topology.State
		if !eventually(t.Context(), readyWithin, func() bool {
			status, answer := get(t.Context(), s.api(0).internal("/topology"))
			if status != http.StatusOK {
				return false
			}
			users, states = usersOf(t, answer)
			return condition(users, states)
		}) {
			t.Fatalf("%s is not shown: %v, %+v", what, states, users)
		}
	}
	shows("that both share the partitions", func(users topology.Ownership, states map[string]topology.State) bool {
		by := owned(users)
		return states[one] == topology.Ready && states[other] == topology.Ready && len(users.Unowned) == 0 &&
			by[one] == all/2 && by[other] == all/2
	})
	exitCode, table := s.api(0).ask(t, "instances")
	for _, words := range []string{one, other, topics.UserService, "owned by nobody"} {
		if exitCode != 0 || !strings.Contains(table, words) {
			t.Errorf("exit code %d, and no %q in:\n%s", exitCode, words, table)
		}
	}
	exitCode, printed := s.api(0).ask(t, "instances", "--json")
	if _, states := usersOf(t, printed); exitCode != 0 || states[one] == "" || states[other] == "" {
		t.Errorf("exit code %d:\n%s", exitCode, printed)
	}
	if exitCode, output := s.users[1].ask(t, "instances"); exitCode == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, "ask an api") {
		t.Errorf("of another role: exit code %d:\n%s", exitCode, output)
	}

	s.users[0].kill(t)
	shows("that one is silent and the other has all", func(users topology.Ownership, states map[string]topology.State) bool {
		return states[one] == topology.Silent && states[other] == topology.Ready && owned(users)[other] == all
	})
	s.users[1].stop(t, syscall.SIGTERM)
	shows("that the other is gone and nobody owns anything", func(users topology.Ownership, states map[string]topology.State) bool {
		_, there := states[other]
		return !there && len(users.Unowned) == all
	})

	records := s.read(t, topics.Instances)
	if len(of("users/"+other, records)) < 2 {
		t.Errorf("%s told of itself %d times", other, len(of("users/"+other, records)))
	}
	for _, r := range records {
		if strings.Contains(string(r.Value), "@") || strings.Contains(string(r.Key), "@") {
			t.Errorf("an address in the record %s: %s", r.Key, r.Value)
		}
	}
}
