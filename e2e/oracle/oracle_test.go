package oracle

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestMannWhitney_OfKnownSamples_IsWhatTheBooksSay(t *testing.T) {
	for name, c := range map[string]struct {
		a, b   []time.Duration
		auc, p float64
	}{
		"apart":      {[]time.Duration{1, 2, 3, 4, 5}, []time.Duration{6, 7, 8, 9, 10}, 1, 0.009023},
		"other way":  {[]time.Duration{6, 7, 8, 9, 10}, []time.Duration{1, 2, 3, 4, 5}, 0, 0.009023},
		"mixed":      {[]time.Duration{1, 4, 5, 8}, []time.Duration{2, 3, 6, 7}, 0.5, 1},
		"ties":       {[]time.Duration{1, 2, 2, 3}, []time.Duration{2, 3, 3, 4}, 0.8125, 0.129155},
		"all alike":  {[]time.Duration{7, 7, 7}, []time.Duration{7, 7}, 0.5, 1},
		"other size": {[]time.Duration{1, 2}, []time.Duration{3, 4, 5}, 1, 0.083265},
	} {
		auc, p := mannWhitney(c.a, c.b)
		if math.Abs(auc-c.auc) > 1e-6 || math.Abs(p-c.p) > 1e-5 {
			t.Errorf("%s: AUC %v, p %v; want %v, %v", name, auc, p, c.auc, c.p)
		}
	}
}

func TestCorrect_ByHolm_NeverGoesBelowASmallerOne(t *testing.T) {
	pairs := []Pair{{P: 0.01}, {P: 0.04}, {P: 0.03}, {P: 0.005}, {P: 0.9}}
	correct(pairs)
	for i, want := range []float64{0.04, 0.09, 0.09, 0.025, 0.9} {
		if math.Abs(pairs[i].P-want) > 1e-9 {
			t.Errorf("pair %d: %v, want %v", i, pairs[i].P, want)
		}
	}
}

// times makes up n answers that take about a millisecond, with a long tail.
func times(random *rand.Rand, n int, slower float64) (all []time.Duration) {
	for range n {
		all = append(all, time.Duration((1+slower)*(1+random.ExpFloat64()/5)*float64(time.Millisecond)))
	}
	return all
}

func TestPairs_OfOneDistribution_TellNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	samples := map[string][]time.Duration{}
	for _, class := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		samples[class] = times(random, 2000, 0)
	}
	pairs := Pairs(samples)
	if len(pairs) != 28 {
		t.Errorf("%d pairs", len(pairs))
	}
	for _, p := range pairs {
		if p.Tells() || math.Abs(p.AUC-0.5) > 0.03 {
			t.Errorf("%+v", p)
		}
	}
}

func TestPairs_OfWhichOneIsSlower_TellThatOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, p := range Pairs(map[string][]time.Duration{
		"a": times(random, 2000, 0), "b": times(random, 2000, 0), "slow": times(random, 2000, 0.03),
	}) {
		if p.Tells() != (p.B == "slow") {
			t.Errorf("%+v", p)
		}
	}
}

// A difference that is certain, but too small to be of use.
func TestPairs_OfWhichOneIsAHundredthSlower_TellNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	p := Pairs(map[string][]time.Duration{"a": times(random, 20_000, 0), "b": times(random, 20_000, 0.01)})[0]
	if p.Tells() || p.P > alpha || p.Relative < 0.005 {
		t.Errorf("%+v", p)
	}
}
