package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
	figures := &table{
		title:   fmt.Sprintf("%d rows of 300 B, %d partitions", rows, restorePartitions),
		metrics: []metric{{"ready after s", 2}, {"CPU s", 1}, {"peak MiB", 0}},
	}
	for round := range c.Rounds {
		for _, s := range systems {
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, s.name)
			sample, err := restore(ctx, s, places[s.name].target, round)
			if err != nil {
				return fmt.Errorf("restore with %s: %w", s.name, err)
			}
			figures.add(s.name, sample)
		}
	}
	figures.print(os.Stdout, exactlyOnce)
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
	cpu, err := p.cpu()
	peak, err2 := p.peak()
	return []float64{p.took.Seconds(), cpu.Seconds(), peak}, errors.Join(err, err2, p.stop())
}
