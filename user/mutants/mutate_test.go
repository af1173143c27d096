package main

import (
	"slices"
	"strings"
	"testing"
)

func TestMutate_ChangesOneThingAtATime(t *testing.T) {
	for source, want := range map[string][]string{
		"const most = 10":                             {"const most = 11", "const most = 9"},
		"func f(a, b int) bool { return a < b }":      {"!(a < b)", "a <= b", "a >= b"},
		"func f() { g(); panic(1) }":                  {"{ ; panic(1) }", "panic(2)", "panic(0)"},
		"func f(a, b *int) { *a, *b = *b, *a }":       {"_, *b = *b, *a", "*a, _ = *b, *a"},
		"func f() (int, error) { return g, nil }":     {"return *new(int), nil"},
		"var v = T{A: a, B: b}":                       {"T{ B: b}", "T{A: a, }"},
		"func f(all []int) { for range all { g() } }": {"{ break; g() }", "{  }"},
		"func f(a bool) { if !a { g() } }":            {"if (!a) || true {", "if (!a) && false {", "if a {", "{  }"},
		"func f(a int) { switch { case a == max(b, c): g() } }": {
			"case (a == max(b, c)) || true:", "case (a == max(b, c)) && false:", "a != max(b, c)", "min(b, c)", "max(b, c):  }",
		},
	} {
		mutants, err := mutate("x.go", []byte("package x\n\n"+source))
		if err != nil {
			t.Fatal(err)
		}
		if len(mutants) != len(want) {
			t.Errorf("%s: %d mutants, want %d: %v", source, len(mutants), len(want), mutants)
		}
		for _, w := range want {
			if !slices.ContainsFunc(mutants, func(m mutant) bool { return strings.Contains(string(m.mutated()), w) }) {
				t.Errorf("%s: none has %q: %v", source, w, mutants)
			}
		}
	}
}

func TestMutant_ShowsItsLinesBeforeAndAfter(t *testing.T) {
	mutants, err := mutate("x.go", []byte("package x\n\nfunc f() {\n\tg()\n}\n"))
	if err != nil || len(mutants) != 1 || mutants[0].String() != "x.go f: g() → nothing" {
		t.Errorf("%v, %v", mutants, err)
	}
}
