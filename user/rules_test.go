package user

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/rules.md names each rule with its file and its tests.
func TestRules_AsDocumented_AreWhereTheTableSays(t *testing.T) {
	table, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(string(table), -1) {
		named = append(named, strings.Trim(quoted, "`"))
	}
	tests := allTests(t)
	for _, name := range named {
		switch {
		case strings.HasSuffix(name, ".go"):
			if _, err := os.Stat(filepath.Join("..", name)); err != nil {
				t.Error(err)
			}
		case strings.HasPrefix(name, "Test"), strings.HasPrefix(name, "Fuzz"):
			test, part, _ := strings.Cut(name, "/")
			if !strings.Contains(tests, "\nfunc "+test+"(") || !strings.Contains(tests, `"`+part+`"`) {
				t.Errorf("there is no %s", name)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "\n// Rules") && !slices.Contains(named, "user/"+file) {
			t.Errorf("docs/rules.md does not name user/%s", file)
		}
	}
}

// allTests returns the text of the test files of every folder.
func allTests(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(source)
	}
	return all.String()
}
