package main

// What is held here:
//   - everybody sends as many mails over as many connections to one sink, in turns;
//   - ours are letters of 1 KB, as short as an operator may make the one that confirms; as short ones with a code and two sealed
//     links; and the product's own of that kind. smtp-source sends mails of 1 KB, and of our letters' size;
//   - Kafka is warm: its JVM spends the first half minute on compiling;
//   - processor time is of who sends alone: neither the sink's nor Kafka's.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"countersign/stream/bench/measure"
)

const (
	speedMails = 50_000
	kilobyte   = 1024
	// smallLetters are templates as TEMPLATE_DIR takes them: code and links, and little else.
	smallLetters = "mail/bench/letters"
)

type speedCmd struct {
	Settings `embed:""`
	Brokers  []string `env:"KAFKA_BROKER_LIST" help:"A Kafka of one's own: host:port,…. Defaults to none: without the whole way."`
	Rounds   int      `default:"3" help:"How often each is measured."`
	Only     []string `sep:";" help:"Names of those to measure, with a semicolon between. Defaults to all."`
}

// contestant sends the mails of a round.
type contestant struct {
	name string
	send func(round int) (cost, error)
}

// cost of a round's mails.
type cost struct{ took, cpu time.Duration }

// Run measures everybody in turn, round after round.
func (c speedCmd) Run(ctx context.Context) (err error) {
	s, err := newSink(ctx, c.Postfix)
	if err != nil {
		return err
	}
	defer s.close()
	var sizes [3]int
	for i, l := range [...]letterKind{plain, small, own} {
		if sizes[i], err = l.size(); err != nil {
			return err
		}
	}
	mails := int(speedMails * c.Scale)
	all := []contestant{
		{"smtp-source, 1 KB", func(int) (cost, error) { return s.source(ctx, mails, kilobyte) }},
		{"smtp-source, letters' size", func(int) (cost, error) { return s.source(ctx, mails, sizes[2]) }},
		{"library, 1 KB", func(int) (cost, error) { return s.library(ctx, mails, kilobyte) }},
		{"sender, 1 KB", func(round int) (cost, error) { return s.alone(ctx, mails, plain, c.profile("sender-plain", round)) }},
		{"sender, code and links", func(round int) (cost, error) { return s.alone(ctx, mails, small, c.profile("sender-small", round)) }},
		{"sender, letters", func(round int) (cost, error) { return s.alone(ctx, mails, own, c.profile("sender", round)) }},
	}
	whole := &measure.Table{Title: "the whole way", Metrics: []measure.Metric{{Title: "settled: k/s", Decimals: 1}, {Title: "peak MiB", Decimals: 0}}}
	if len(c.Brokers) > 0 {
		w, err := newWay(ctx, c.Brokers)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.remove()) }()
		warm := sync.OnceValue(func() error { // Kafka's JVM has compiled what it runs
			fmt.Fprintln(os.Stderr, "warming up: whole way")
			_, err := w.send(ctx, s, "warm", 4*mails, own, "")
			return err
		})
		for _, l := range []letterKind{plain, own} {
			name := "whole way, letters"
			if l == plain {
				name = "whole way, 1 KB"
			}
			all = append(all, contestant{name, func(round int) (cost, error) {
				if err := warm(); err != nil {
					return cost{}, err
				}
				seen, err := w.send(ctx, s, fmt.Sprintf("%d-%s-%d", time.Now().Unix(), l.kind, round), mails, l, c.profile("notifier-"+string(l.kind), round))
				whole.Add(name, []float64{float64(mails) / seen.settled.Seconds() / 1e3, seen.peak})
				return seen.cost, err
			}})
		}
	}
	rates := &measure.Table{
		Title: fmt.Sprintf("%d mails, ours of %.1f, %.1f and %.1f KB, %d connections", mails,
			float64(sizes[0])/kilobyte, float64(sizes[1])/kilobyte, float64(sizes[2])/kilobyte, connections),
		Metrics: []measure.Metric{{Title: "k/s", Decimals: 1}, {Title: "CPU s / 100 k", Decimals: 1}},
	}
	for round := range c.Rounds {
		for _, one := range all {
			if len(c.Only) > 0 && !slices.Contains(c.Only, one.name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, one.name)
			of, err := one.send(round)
			if err != nil {
				return fmt.Errorf("measure %s: %w", one.name, err)
			}
			n := float64(mails)
			rates.Add(one.name, []float64{n / of.took.Seconds() / 1e3, of.cpu.Seconds() / n * 1e5})
		}
	}
	rates.Print(os.Stdout, "sender, 1 KB", "sender, code and links", "sender, letters", "whole way, 1 KB", "whole way, letters")
	if len(c.Brokers) > 0 {
		whole.Print(os.Stdout)
	}
	return nil
}

// profile is where the profile of a part goes in a round; empty: nowhere.
func (c speedCmd) profile(part string, round int) string {
	if c.Profile == "" {
		return ""
	}
	return filepath.Join(c.Profile, fmt.Sprintf("%s-%d.pprof", part, round+1))
}

// here is what this process needs for some work.
func here(work func() error) (c cost, err error) {
	var before, after syscall.Rusage
	begun := time.Now()
	if err = syscall.Getrusage(syscall.RUSAGE_SELF, &before); err == nil {
		err = work()
	}
	c.took = time.Since(begun)
	err = errors.Join(err, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
	c.cpu = time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	return c, err
}
