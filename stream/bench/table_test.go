package main

import (
	"strings"
	"testing"
)

func TestTable_RoundsInAnotherMood_DoNotShowInRatios(t *testing.T) {
	figures := &table{title: "here", metrics: []metric{{"k/s", 1}}}
	for _, mood := range []float64{1, 0.1, 0.5} {
		figures.add("ours", []float64{20 * mood})
		figures.add("other", []float64{10 * mood})
	}
	var printed strings.Builder
	figures.print(&printed, "ours")
	want := "\n| here | k/s |\n|---|---|\n| ours | 10.0 |\n| other | 5.0 |\n| ours ÷ other | 2.00 |\n"
	if printed.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", printed.String(), want)
	}
}
