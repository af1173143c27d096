package api

import (
	"maps"
	"slices"
)

// Codes lists every problem there is.
func Codes() []string { return slices.Sorted(maps.Keys(problems)) }
