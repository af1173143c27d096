package mail

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWriteQuoted_AnyText_IsReadAsItWas_InLinesThatAreShortEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(
			rapid.RuneFrom([]rune("aB9= \t\n\n..~ß中\u00a0\r")), rapid.Rune(),
		)).Draw(t, "text")
		text += strings.Repeat("x", rapid.IntRange(0, 160).Draw(t, "long"))
		var b bytes.Buffer
		writeQuoted(&b, text)
		for line := range strings.SplitSeq(b.String(), "\r\n") {
			if len(line) > quotedColumns || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") {
				t.Fatalf("line of %d: %q", len(line), line)
			}
			if strings.HasPrefix(line, ".") {
				t.Fatalf("begins with a dot: %q", line)
			}
			if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
				t.Fatalf("not ASCII: %q", line)
			}
		}
		read, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(b.String())))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(string(read), "\r\n", "\n"); got != text {
			t.Fatalf("read %q, want %q", got, text)
		}
	})
}
