package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// How long a system is measured, before BENCH_SCALE. The first window only warms it up: a JVM is slow until it has
// compiled what it runs.
const (
	warmFor    = 4 * time.Second
	latencyFor = 1500 * time.Millisecond
	midFor     = 2 * time.Second
	fullFor    = 3 * time.Second
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
	for _, partitions := range c.Partitions {
		figures := &table{title: fmt.Sprintf("%d partitions", partitions), metrics: []metric{
			{"1: p50 ms", 2},
			{"p99 ms", 2},
			{"64: k/s", 1},
			{"p50 ms", 1},
			{"p99 ms", 1},
			{"512: k/s", 1},
			{"p50 ms", 1},
			{"p99 ms", 1},
			{"CPU s / 100 k", 2},
			{"peak MiB", 0},
		}}
		for round := range c.Rounds {
			for _, s := range systems {
				fmt.Fprintf(os.Stderr, "%d partitions, round %d: %s\n", partitions, round+1, s.name)
				sample, err := c.measure(ctx, s, partitions)
				if err != nil {
					return fmt.Errorf("measure %s with %d partitions: %w", s.name, partitions, err)
				}
				figures.add(s.name, sample)
			}
		}
		figures.print(os.Stdout, exactlyOnce, atLeastOnce)
	}
	return nil
}

// measure is one system's sample: a figure for each of the metrics.
func (c throughputCmd) measure(ctx context.Context, s system, partitions int32) (sample []float64, err error) {
	place, err := c.newPlace(ctx, s, partitions)
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
	defer func() { err = errors.Join(err, p.stop()) }()
	for _, phase := range []struct {
		inFlight int
		d        time.Duration
	}{{512, warmFor}, {1, latencyFor}, {64, midFor}, {512, fullFor}} {
		before, err := p.cpu()
		if err != nil {
			return nil, err
		}
		d := time.Duration(float64(phase.d) * c.Scale)
		w, err := l.run(ctx, phase.inFlight, d)
		if err != nil {
			return nil, err
		}
		if w.events == 0 {
			return nil, fmt.Errorf("no event within %v at %d in flight: make BENCH_SCALE larger", d, phase.inFlight)
		}
		after, err := p.cpu()
		if err != nil {
			return nil, err
		}
		p50, p99 := w.p50.Seconds()*1e3, w.p99.Seconds()*1e3
		switch {
		case phase.d == warmFor:
		case phase.inFlight == 1:
			sample = append(sample, p50, p99)
		default:
			sample = append(sample, w.rate/1e3, p50, p99)
		}
		if phase.d == fullFor {
			sample = append(sample, (after-before).Seconds()/float64(w.events)*1e5)
		}
	}
	peak, err := p.peak()
	return append(sample, peak), err
}
