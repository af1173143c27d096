package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"countersign/stream/bench/measure"
)

// How long a system is measured, before BENCH_SCALE.
const (
	latencyFor = 1500 * time.Millisecond
	midFor     = 2 * time.Second
	fullFor    = 3 * time.Second
	warmFor    = time.Second // a window of warming up: there are warmMost at most
	warmMost   = 8
)

type throughputCmd struct {
	Settings   `embed:""`
	Partitions []int32 `default:"4,16" help:"Of each topic, one table each."`
}

// Run measures every system in turn, round after round.
func (c throughputCmd) Run(ctx context.Context) error {
	systems, err := c.systems()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "warming up the brokers")
	if _, err := c.measure(ctx, systems[0], c.Partitions[0]); err != nil {
		return fmt.Errorf("warm up the brokers: %w", err)
	}
	for _, partitions := range c.Partitions {
		figures := &measure.Table{Title: fmt.Sprintf("%d partitions", partitions), Metrics: []measure.Metric{
			{Title: "1: p50 ms", Decimals: 2},
			{Title: "p99 ms", Decimals: 2},
			{Title: "64: k/s", Decimals: 1},
			{Title: "p50 ms", Decimals: 1},
			{Title: "p99 ms", Decimals: 1},
			{Title: "512: k/s", Decimals: 1},
			{Title: "p50 ms", Decimals: 1},
			{Title: "p99 ms", Decimals: 1},
			{Title: "CPU s / 100 k", Decimals: 2},
			{Title: "peak MiB", Decimals: 0},
		}}
		for round := range c.Rounds {
			for _, s := range systems {
				fmt.Fprintf(os.Stderr, "%d partitions, round %d: %s\n", partitions, round+1, s.name)
				sample, err := c.measure(ctx, s, partitions)
				if err != nil {
					return fmt.Errorf("measure %s with %d partitions: %w", s.name, partitions, err)
				}
				figures.Add(s.name, sample)
			}
		}
		figures.Print(os.Stdout, exactlyOnce, atLeastOnce)
	}
	return nil
}

// measure is one system's sample: a figure for each of the metrics.
func (c throughputCmd) measure(ctx context.Context, s system, partitions int32) (sample []float64, err error) {
	place, err := c.newPlace(ctx, s, partitions, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, place.remove()) }()
	l, err := place.newLoad()
	if err != nil {
		return nil, err
	}
	defer l.cl.Close()
	p, err := s.start(ctx, place.target)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	if err := c.warm(ctx, l); err != nil {
		return nil, err
	}
	for _, phase := range []struct {
		inFlight int
		d        time.Duration
	}{{1, latencyFor}, {64, midFor}, {512, fullFor}} {
		before, err := p.CPU()
		if err != nil {
			return nil, err
		}
		w, err := l.run(ctx, phase.inFlight, c.scaled(phase.d))
		if err == nil && w.events == 0 {
			err = fmt.Errorf("no event in time at %d in flight: make BENCH_SCALE larger", phase.inFlight)
		}
		if err != nil {
			return nil, err
		}
		after, err := p.CPU()
		if err != nil {
			return nil, err
		}
		if phase.inFlight > 1 {
			sample = append(sample, w.rate/1e3)
		}
		sample = append(sample, w.p50.Seconds()*1e3, w.p99.Seconds()*1e3)
		if phase.d == fullFor {
			sample = append(sample, (after-before).Seconds()/float64(w.events)*1e5)
		}
	}
	peak, err := p.Peak()
	return append(sample, peak), err
}

// warm goes on until a system gets no faster: a JVM is slow until it has compiled what it runs.
func (c throughputCmd) warm(ctx context.Context, l *load) error {
	best := 0.0
	for range warmMost {
		w, err := l.run(ctx, 512, c.scaled(warmFor))
		if err != nil {
			return err
		}
		if best > 0 && w.rate < best*1.05 {
			break
		}
		best = w.rate
	}
	return nil
}

func (s Settings) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * s.Scale) }
