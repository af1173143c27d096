package measure

import (
	"strings"
	"testing"
)

func TestTable_RoundsInAnotherMood_DoNotShowInRatios(t *testing.T) {
	figures := &Table{Title: "here", Metrics: []Metric{{"k/s", 1}}}
	for _, mood := range []float64{1, 0.1, 0.5} {
		figures.Add("ours", []float64{20 * mood})
		figures.Add("other", []float64{10 * mood})
	}
	var printed strings.Builder
	figures.Print(&printed, "ours")
	want := "\n| here | k/s |\n|---|---|\n| ours | 10.0 |\n| other | 5.0 |\n| ours ÷ other | 2.00 |\n"
	if printed.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", printed.String(), want)
	}
}
