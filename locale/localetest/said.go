// Package localetest helps to test what is said in many languages.
package localetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// EveryMessageIsSaid fails for each message of an English file whose id stands, in quotes, in no source that one of the
// patterns matches, tests aside. What is said by an id that is put together, elsewhere knows.
func EveryMessageIsSaid(t *testing.T, english string, elsewhere func(id string, sources string) bool, patterns ...string) {
	t.Helper()
	var sources strings.Builder
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") {
				sources.Write(content(t, name))
			}
		}
	}
	var messages map[string]any
	if err := json.Unmarshal(content(t, english), &messages); err != nil {
		t.Fatal(err)
	}
	delete(messages, "language") // its own name
	check := func(id string) {
		if !strings.Contains(sources.String(), `"`+id+`"`) && !elsewhere(id, sources.String()) {
			t.Errorf("nobody says %s", id)
		}
	}
	for id, m := range messages {
		group, isGroup := m.(map[string]any)
		if _, isCounted := group["other"]; isCounted || !isGroup {
			check(id)
			continue
		}
		for name := range group {
			check(id + "." + name)
		}
	}
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
