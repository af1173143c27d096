// Package oracle says whether answers of several classes can be told apart by
// how long they took. It knows nothing of who measured what.
package oracle

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// Rules:
//   - every pair of classes is compared by ranks (Mann and Whitney), which no single slow answer sways;
//   - so many pairs are compared that some differ by chance: their p-values are corrected (Holm);
//   - with enough calls the slightest difference is certain, so it counts only when it is also large enough to be of use.

const (
	alpha = 0.01 // of all pairs of a call together
	least = 0.02 // of the faster one's median
)

// Pair compares the times of two classes.
type Pair struct {
	A, B       string
	Difference time.Duration // of B's median from A's
	Relative   float64       // Difference as a part of the lower median
	AUC        float64       // how often one of B's times is above one of A's: 0.5 where nothing tells them apart
	P          float64       // two-sided, corrected for all pairs
}

// Tells says whether the pair's times tell one class from the other.
func (p Pair) Tells() bool { return p.P < alpha && math.Abs(p.Relative) > least }

// Pairs compares the samples of every class with those of every other. Each
// class needs one sample at least.
func Pairs(samples map[string][]time.Duration) []Pair {
	classes := slices.Sorted(maps.Keys(samples))
	var pairs []Pair
	for i, a := range classes {
		for _, b := range classes[i+1:] {
			pairs = append(pairs, compare(a, b, samples[a], samples[b]))
		}
	}
	correct(pairs)
	return pairs
}

func compare(nameA, nameB string, a, b []time.Duration) Pair {
	p := Pair{A: nameA, B: nameB}
	p.AUC, p.P = mannWhitney(a, b)
	medianA, medianB := Median(a), Median(b)
	p.Difference = medianB - medianA
	p.Relative = float64(p.Difference) / float64(min(medianA, medianB))
	return p
}

// Median returns the middle one of at least one time.
func Median(sample []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(sample))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// mannWhitney returns how often b is above a, ties counting half, and how
// likely that or more is by chance: by the normal approximation with its
// correction for ties, which samples of twenty or more need no better than.
func mannWhitney(a, b []time.Duration) (auc, p float64) {
	type ranked struct {
		took time.Duration
		ofB  bool
	}
	var all []ranked
	for _, took := range a {
		all = append(all, ranked{took, false})
	}
	for _, took := range b {
		all = append(all, ranked{took, true})
	}
	slices.SortFunc(all, func(x, y ranked) int { return cmp.Compare(x.took, y.took) })

	var ranksOfB, ties float64
	for first := 0; first < len(all); {
		end := first + 1
		for end < len(all) && all[end].took == all[first].took {
			end++
		}
		rank := float64(first+end+1) / 2 // the mean of first+1 … end
		for _, x := range all[first:end] {
			if x.ofB {
				ranksOfB += rank
			}
		}
		tied := float64(end - first)
		ties += tied*tied*tied - tied
		first = end
	}
	nA, nB := float64(len(a)), float64(len(b))
	n := nA + nB
	u := ranksOfB - nB*(nB+1)/2
	deviation := math.Sqrt(nA * nB / 12 * (n + 1 - ties/(n*(n-1))))
	if deviation == 0 {
		return 0.5, 1 // all alike
	}
	return u / (nA * nB), math.Erfc(math.Abs(u-nA*nB/2) / deviation / math.Sqrt2)
}

// correct makes the p-values those of all pairs together (Holm's step-down).
func correct(pairs []Pair) {
	byP := make([]*Pair, len(pairs))
	for i := range pairs {
		byP[i] = &pairs[i]
	}
	slices.SortFunc(byP, func(x, y *Pair) int { return cmp.Compare(x.P, y.P) })
	highest := 0.0
	for i, pair := range byP {
		highest = max(highest, min(1, pair.P*float64(len(byP)-i)))
		pair.P = highest
	}
}
