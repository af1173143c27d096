package main

// What is held here:
//   - a system is a process of its own, so its processor time and memory are its own.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"countersign/stream/bench/measure"
)

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

// start returns when the system processes.
func (s system) start(ctx context.Context, t target) (*measure.Process, error) {
	return measure.Start(ctx, s.name, append(slices.Clone(s.command), t.Brokers, t.Group, t.Dir)...)
}
