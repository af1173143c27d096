package user_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"countersign/user"
)

func TestNormalizeName_TakesPeoplesNames(t *testing.T) {
	for typed, want := range map[string]string{
		"Ada":                    "Ada",
		" Ada Lovelace\n":        "Ada Lovelace",
		"O'Brien":                "O'Brien",
		"O’Brien-Smith":          "O’Brien-Smith",
		"J. R. R.":               "J. R. R.",
		"Martin Luther King Jr.": "Martin Luther King Jr.",
		"Zoe\u0308":              "Zoë",
		"李小龍":                    "李小龍",
		"अनिता":                  "अनिता",
		"محمد":                   "محمد",
		strings.Repeat("ä", 64):  strings.Repeat("ä", 64),
		strings.Repeat("𐐀", 64):  strings.Repeat("𐐀", 64),
	} {
		if got, err := user.NormalizeName(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", typed, got, err, want)
		}
	}
}

func TestNormalizeName_RefusesAStrangersText(t *testing.T) {
	for _, typed := range []string{
		"", " ", "-", "'", ".", "\u0308", "...", "evil.com", "www.evil.com", "J.R.", ".Ada", "https://evil", "evil/path", "Ada@evil",
		"Agent 007", "call 555", "Ada\nBcc: eve", "Ada\rEve", "Ada\tLovelace", "Ada\x00", "<b>Ada</b>", "{{.Code}}", "$5", "Ada!", "Ada?", "Ada, win",
		"Ada\u00a0Lovelace", "Ada\u2028x", "\u202eadA", "Ad\u200ba", "Ad\u200da", "\u3164", "Ad\u115fa", "Ada\ufe0f", "Ada\u034f", "Ad\u00ada",
		"Ada 😀", "\xff", "Ada\ufffd", "Ⅷ", "①", strings.Repeat("a", 65), strings.Repeat("ä", 65), strings.Repeat("a", 10000),
	} {
		if got, err := user.NormalizeName(typed); err != user.ErrName || got != "" {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
}

func TestNormalizeName_LooksAt256BytesAtMost(t *testing.T) {
	spaces := strings.Repeat(" ", 253)
	if got, err := user.NormalizeName(spaces + "Ada"); err != nil || got != "Ada" {
		t.Errorf("256 bytes: %q, %v", got, err)
	}
	if got, err := user.NormalizeName(spaces + " Ada"); err != user.ErrName {
		t.Errorf("257 bytes: %q, %v", got, err)
	}
}

func FuzzNormalizeName(f *testing.F) {
	for _, typed := range []string{"Ada Lovelace", " J. R. ", "Zoe\u0308", "a.b", "\u3164", "\u0301a", " \u0301a", "ｱ", "\u2126\u212b"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := user.NormalizeName(typed)
		if err != nil {
			if err != user.ErrName || got != "" {
				t.Fatalf("%q: %q, %v", typed, got, err)
			}
			return
		}
		if again, err := user.NormalizeName(got); err != nil || again != got {
			t.Fatalf("%q became %q, and that %q, %v", typed, got, again, err)
		}
		if n := utf8.RuneCountInString(got); n < 1 || n > 64 || !norm.NFC.IsNormalString(got) {
			t.Fatalf("%q became %q of %d characters", typed, got, n)
		}
		if strings.ContainsAny(got, "0123456789/:@<>\"&{}\\\r\n\t\x00\u200b\u202e") || strings.HasPrefix(got, " ") || strings.HasSuffix(got, " ") {
			t.Fatalf("%q became %q", typed, got)
		}
		for i, r := range got {
			if r == '.' && i < len(got)-1 && got[i+1] != ' ' {
				t.Fatalf("%q became %q", typed, got)
			}
		}
	})
}
