package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"countersign/stream/bench/measure"
)

// What a restore reads, before BENCH_SCALE.
const (
	restoreRows       = 1_000_000
	restorePartitions = 16
)

type restoreCmd struct {
	Settings `embed:""`
}

// Run fills a table for each system once, and lets each restore it into an empty store, round after round.
func (c restoreCmd) Run(ctx context.Context) (err error) {
	systems, err := c.systems(exactlyOnce, plainGoka, streamsAtLeastOnce, streamsExactlyOnce) // ours restores alike with either guarantee
	if err != nil {
		return err
	}
	rows := int(restoreRows * c.Scale)
	places := map[string]*place{}
	for _, s := range systems {
		place, err := c.newPlace(ctx, s, restorePartitions, rows)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, place.remove()) }()
		places[s.name] = place
	}
	figures := &measure.Table{
		Title:   fmt.Sprintf("%d rows of 300 B, %d partitions", rows, restorePartitions),
		Metrics: []measure.Metric{{Title: "ready after s", Decimals: 2}, {Title: "CPU s", Decimals: 1}, {Title: "peak MiB", Decimals: 0}},
	}
	for round := range c.Rounds {
		for _, s := range systems {
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, s.name)
			sample, err := restore(ctx, s, places[s.name].target, round)
			if err != nil {
				return fmt.Errorf("restore with %s: %w", s.name, err)
			}
			figures.Add(s.name, sample)
		}
	}
	figures.Print(os.Stdout, exactlyOnce)
	return nil
}

// restore is one system's sample, from an empty store.
func restore(ctx context.Context, s system, t target, round int) ([]float64, error) {
	t.Dir = filepath.Join(t.Dir, strconv.Itoa(round))
	defer os.RemoveAll(t.Dir)
	p, err := s.start(ctx, t)
	if err != nil {
		return nil, err
	}
	cpu, err := p.CPU()
	peak, err2 := p.Peak()
	return []float64{p.Took.Seconds(), cpu.Seconds(), peak}, errors.Join(err, err2, p.Stop())
}
