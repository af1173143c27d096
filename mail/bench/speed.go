package main

// What is held here:
//   - everybody sends as many mails over as many connections to one sink, in turns;
//   - ours are the product's own letters; smtp-source sends mails of 1 KB, as it does by default, and of our letters' size.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"countersign/stream/bench/measure"
)

const (
	speedMails = 50_000
	kilobyte   = 1024
)

type speedCmd struct {
	Settings `embed:""`
	Brokers  []string `env:"KAFKA_BROKER_LIST" help:"A Kafka of one's own: host:port,…. Defaults to none: without the whole way."`
	Rounds   int      `default:"3" help:"How often each is measured."`
	Only     []string `help:"Names of those to measure. Defaults to all."`
}

// Run measures everybody in turn, round after round.
func (c speedCmd) Run(ctx context.Context) (err error) {
	s, err := newSink(ctx, c.Postfix)
	if err != nil {
		return err
	}
	defer s.close()
	size, err := letterSize()
	if err != nil {
		return err
	}
	mails := int(speedMails * c.Scale)
	var w *way
	if len(c.Brokers) > 0 {
		if w, err = newWay(ctx, c.Brokers); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.remove()) }()
	}
	rates := &measure.Table{
		Title: fmt.Sprintf("%d mails, ours of %.1f KB, %d connections", mails, float64(size)/kilobyte, connections), Metrics: []measure.Metric{{Title: "k/s", Decimals: 1}},
	}
	whole := &measure.Table{Title: "the whole way", Metrics: []measure.Metric{
		{Title: "left: k/s", Decimals: 1},
		{Title: "settled: k/s", Decimals: 1},
		{Title: "CPU s / 100 k", Decimals: 1},
		{Title: "peak MiB", Decimals: 0},
	}}
	for round := range c.Rounds {
		for _, each := range []struct {
			name string
			rate func() (float64, error)
		}{
			{"smtp-source, 1 KB", func() (float64, error) { return s.source(ctx, mails, kilobyte) }},
			{"smtp-source, our size", func() (float64, error) { return s.source(ctx, mails, size) }},
			{"library, 1 KB", func() (float64, error) { return s.library(ctx, mails, kilobyte) }},
			{"sender", func() (float64, error) { return s.alone(ctx, mails, c.profile("sender", round)) }},
			{"whole way", func() (float64, error) {
				if w == nil {
					return 0, nil
				}
				sample, err := w.sample(ctx, s, fmt.Sprintf("%d-%d", time.Now().Unix(), round), mails, c.profile("notifier", round))
				if err != nil {
					return 0, err
				}
				whole.Add("notifier", sample)
				return sample[0] * 1e3, nil
			}},
		} {
			if len(c.Only) > 0 && !slices.Contains(c.Only, each.name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, each.name)
			rate, err := each.rate()
			if err != nil {
				return fmt.Errorf("measure %s: %w", each.name, err)
			}
			rates.Add(each.name, []float64{rate / 1e3})
		}
	}
	rates.Print(os.Stdout, "sender", "whole way")
	if w != nil {
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
