package main

import (
	"path/filepath"
	"testing"
)

func TestLetters_OfEachKind_AreTakenAndAsShortAsIsSaid(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	for name, row := range map[string]struct {
		letters letterKind
		most    int
	}{"plain": {plain, kilobyte}, "small": {small, 2 * kilobyte}, "own": {own, 8 * kilobyte}} {
		if size, err := row.letters.size(); err != nil || size > row.most {
			t.Errorf("%s: %d bytes, at most %d are wanted: %v", name, size, row.most, err)
		}
	}
}
