package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// recorded is a part that notes its end.
func recorded(name string, ends *[]string) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		*ends = append(*ends, name)
		return nil
	}}
}

func TestRunInOrder_StopsEachPartAfterThoseThatUseIt(t *testing.T) {
	var ends []string
	ctx, stop := context.WithCancel(t.Context())
	stop()
	err := runInOrder(ctx, []part{recorded("broker", &ends), recorded("processor", &ends), recorded("http", &ends)})
	if want := []string{"http", "processor", "broker"}; err != nil || !slices.Equal(ends, want) {
		t.Errorf("ended in the order %v, %v; want %v", ends, err, want)
	}
}

func TestRunInOrder_WhenAPartFails_StopsTheOthersAndNamesIt(t *testing.T) {
	var ends []string
	broken := errors.New("broken")
	err := runInOrder(t.Context(), []part{
		recorded("broker", &ends),
		{"http", func(context.Context) error { return broken }},
	})
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "http: ") || !slices.Equal(ends, []string{"broker"}) {
		t.Errorf("error %v, ended %v", err, ends)
	}
}
