package mail

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWrap_LinesThatAreTooLong_AreBrokenWhereTheyMayBe(t *testing.T) {
	long := "https://example.com/#" + strings.Repeat("x", 100)
	for _, c := range []struct{ text, want string }{
		{"short\n\nlines\n", "short\n\nlines\n"},
		{strings.Repeat("a", 70) + " bcd ef\n", strings.Repeat("a", 70) + " bcd\nef\n"},
		{strings.Repeat("a", 76) + "\n", strings.Repeat("a", 76) + "\n"},
		{strings.Repeat("ü", 76) + "\n", strings.Repeat("ü", 76) + "\n"},
		{"see " + long + " there\n", "see\n" + long + "\nthere\n"},
		{strings.Repeat("字", 38) + "\n", strings.Repeat("字", 38) + "\n"},
		{strings.Repeat("字", 40) + "\n", strings.Repeat("字", 38) + "\n字字\n"},
		{strings.Repeat("字", 38) + "。", strings.Repeat("字", 37) + "\n字。"}, // no line begins with a full stop
	} {
		if got := wrap(c.text); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestWrap_WhateverItBreaks_KeepsEveryWordAndNoLongerLineThanItMust(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "Straße", strings.Repeat("x", 80), "字体，设", "code", "é.", "\n"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(word).Draw(t, "words"), " ")
		wrapped := wrap(text)
		bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if bare(wrapped) != bare(text) {
			t.Fatalf("%q became %q", text, wrapped)
		}
		for line := range strings.Lines(wrapped) {
			if utf8.RuneCountInString(line) > textColumns+1 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Fatalf("%q has the line %q", text, line)
			}
		}
	})
}
