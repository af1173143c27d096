package chaos

// What is held here:
//   - the log of commands is the truth: each command in it has one event, and nothing else has one;
//   - a key's events count 1, 2, 3 …, in the order of its commands;
//   - a key's row is its last event, of the same transaction;
//   - the ledger agrees: what was acknowledged is in the log, what was refused is not, nothing is there twice.

import (
	"fmt"
	"testing"
)

// command is a record of the commands' topic.
type command struct{ key, id string }

// event is a record of the events' topic.
type event struct {
	key string
	Count
}

// verdict is what came of the commands.
type verdict struct {
	events   int
	doubles  int // events of a command that had one before
	lost     int // commands without an event
	disorder int // events that do not follow the one before of the same key
	wrong    int // rows that are not the last event of their key
}

func (v verdict) exact() bool { return v.doubles+v.lost+v.disorder+v.wrong == 0 }

func (v verdict) String() string {
	return fmt.Sprintf("%d events, %d double, %d lost, %d in disorder, %d wrong rows", v.events, v.doubles, v.lost,
		v.disorder, v.wrong)
}

// audit compares the committed records of a key's partition, in their order, and the table that comes of them.
func audit(commands []command, events []event, table map[string]Count) verdict {
	v := verdict{events: len(events)}
	ordered := map[string][]string{} // the commands of each key
	for _, c := range commands {
		ordered[c.key] = append(ordered[c.key], c.id)
	}
	seen := map[string]bool{}
	last := map[string]Count{}
	for _, e := range events {
		if seen[e.Command] {
			v.doubles++
		}
		seen[e.Command] = true
		of := ordered[e.key]
		if e.Number != last[e.key].Number+1 || e.Number > len(of) || of[e.Number-1] != e.Command {
			v.disorder++
		}
		last[e.key] = e.Count
	}
	for _, c := range commands {
		if !seen[c.id] {
			v.lost++
		}
	}
	for key := range ordered {
		if table[key] != last[key] {
			v.wrong++
		}
	}
	for key := range table {
		if ordered[key] == nil {
			v.wrong++
		}
	}
	return v
}

// reconcile says where the log of commands is not what the ledger says; nothing if it is.
func reconcile(commands []command, answers map[string]answer) []string {
	times := map[string]int{}
	for _, c := range commands {
		times[c.id]++
	}
	var wrong []string
	for id, a := range answers {
		switch n := times[id]; {
		case a == acknowledged && n == 0:
			wrong = append(wrong, "command "+id+" was acknowledged and is not in the log")
		case a == refused && n > 0:
			wrong = append(wrong, "command "+id+" was refused and is in the log")
		case n > 1:
			wrong = append(wrong, fmt.Sprintf("command %s is %d times in the log", id, n))
		}
		delete(times, id)
	}
	for id := range times {
		wrong = append(wrong, "nobody sent command "+id)
	}
	return wrong
}

func TestAudit_WhateverGoesWrong_IsCounted(t *testing.T) {
	commands := []command{{"k", "1"}, {"j", "2"}, {"k", "3"}}
	e := func(key string, number int, command, attempt string) event {
		return event{key, Count{number, command, attempt}}
	}
	right := []event{e("k", 1, "1", "a"), e("j", 1, "2", "b"), e("k", 2, "3", "c")}
	rows := map[string]Count{"k": right[2].Count, "j": right[1].Count}
	for name, c := range map[string]struct {
		events []event
		rows   map[string]Count
		want   verdict
	}{
		"nothing":                   {right, rows, verdict{events: 3}},
		"an event is lost":          {right[1:], rows, verdict{events: 2, lost: 1, disorder: 1}},
		"the last event is lost":    {right[:2], rows, verdict{events: 2, lost: 1, wrong: 1}},
		"an event is there twice":   {append(right[:3:3], right[2]), rows, verdict{events: 4, doubles: 1, disorder: 1}},
		"a command counted twice":   {append(right[:3:3], e("k", 3, "3", "d")), rows, verdict{events: 4, doubles: 1, disorder: 1, wrong: 1}},
		"a row is of another call":  {right, map[string]Count{"k": {2, "3", "x"}, "j": rows["j"]}, verdict{events: 3, wrong: 1}},
		"a row is missing":          {right, map[string]Count{"k": rows["k"]}, verdict{events: 3, wrong: 1}},
		"a row is of nobody":        {right, map[string]Count{"k": rows["k"], "j": rows["j"], "i": {}}, verdict{events: 3, wrong: 1}},
		"two events in other order": {[]event{right[2], right[1], right[0]}, rows, verdict{events: 3, disorder: 2, wrong: 1}},
	} {
		if got := audit(commands, c.events, c.rows); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestReconcile_LedgerAndLogDiffer_IsTold(t *testing.T) {
	log := []command{{"k", "1"}, {"k", "2"}, {"k", "2"}}
	for name, c := range map[string]struct {
		answers map[string]answer
		wrong   int
	}{
		"twice in the log":         {map[string]answer{"1": acknowledged, "2": acknowledged}, 1},
		"unknown may be there":     {map[string]answer{"1": unknown, "2": unknown, "3": unknown}, 1},
		"acknowledged and missing": {map[string]answer{"1": acknowledged, "2": unknown, "3": acknowledged}, 2},
		"refused and there":        {map[string]answer{"1": refused, "2": unknown}, 2},
		"of nobody":                {map[string]answer{"2": unknown}, 2},
	} {
		if wrong := reconcile(log, c.answers); len(wrong) != c.wrong {
			t.Errorf("%s: %q, want %d lines", name, wrong, c.wrong)
		}
	}
}
