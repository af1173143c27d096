// Rule: a line of text has at most 76 columns, as terminals and old programs like it (RFC 3676, 4.2: 78 at most); a word,
// an address or a link that is longer stays whole. Chinese, which has no spaces, may break before any letter that begins
// a line there.

package mail

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const textColumns = 76

// wrap breaks the lines of a text that are too long.
func wrap(text string) string {
	if len(text) <= textColumns || unescapedBytes.hold(strings.TrimSuffix(text, "\n")) { // a link
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		wrapLine(&b, line)
	}
	return b.String()
}

// wrapLine writes a line, broken where it must be.
func wrapLine(b *strings.Builder, line string) {
	if len(line) <= textColumns { // no letter has fewer bytes than columns
		b.WriteString(line)
		return
	}
	column, written := 0, 0
	lastBreak, columnThere := -1, 0 // where the line may end, and the column of what follows
	for i, r := range line {
		wide := isWide(r)
		switch {
		case r == ' ':
			lastBreak, columnThere = i, column+1
		case wide && !unicode.IsPunct(r) && i > written:
			lastBreak, columnThere = i, column
		}
		column++
		if wide {
			column++
		}
		if column > textColumns && lastBreak > written && r != ' ' && r != '\n' {
			b.WriteString(strings.TrimRight(line[written:lastBreak], " "))
			b.WriteByte('\n')
			written = lastBreak
			if line[lastBreak] == ' ' {
				written++
			}
			column -= columnThere
			lastBreak = -1
		}
	}
	b.WriteString(line[written:])
}

// isWide says whether a letter takes two columns (UAX 11).
func isWide(r rune) bool {
	return r >= utf8.RuneSelf && slices.Contains([]width.Kind{width.EastAsianWide, width.EastAsianFullwidth}, width.LookupRune(r).Kind())
}
