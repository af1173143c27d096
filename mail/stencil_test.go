package mail

import (
	"bytes"
	"strings"
	"testing"
)

func TestStencil_EveryLetter_IsFilledAsItIsWritten(t *testing.T) {
	c, err := NewComposer(ComposerConfig{From: "Countersign <no-reply@example.com>", Support: "help@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for kind, letters := range c.letters {
		for _, l := range letters {
			for _, f := range samples(kind, c.brand) {
				text, html, err := l.write(f)
				if err != nil {
					t.Fatal(err)
				}
				s := l.stencil(f)
				if s == nil {
					t.Fatalf("%s in %s has no stencil", kind, l.tag)
				}
				var filled, written bytes.Buffer
				for b, parts := range map[*bytes.Buffer][]part{
					&filled: {s.text.filled(f.values()), s.html.filled(f.values())}, &written: {quoted(text), quoted(html)},
				} {
					for _, p := range parts {
						p(b)
					}
				}
				if filled.String() != written.String() {
					t.Errorf("%s in %s: filled\n%s\nwritten\n%s", kind, l.tag, &filled, &written)
				}
			}
		}
	}
}

func TestStencil_ValuesThatAreEscaped_AreWritten(t *testing.T) {
	c, err := NewComposer(ComposerConfig{From: "Countersign <no-reply@example.com>"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"O'Brien", "Zoë", "Ada Mary", "<b>", "a+b"} {
		f := sample(VerifyAccount, c.brand)
		f.FirstName = name
		if c.letters[VerifyAccount][0].stencil(f) != nil {
			t.Errorf("%q is filled in", name)
		}
	}
}

func TestStencil_LettersThatDoMoreWithValuesThanWriteThem_HaveNone(t *testing.T) {
	for greeting, want := range map[string]bool{
		`Hello {{.FirstName}}`:                                   true,
		`Hello {{if .FirstName}}{{.FirstName}}{{end}}`:           true,
		`Hello {{strong .FirstName}}{{if eq .Dir "rtl"}}{{end}}`: true,
		`Hello {{plural .Minutes "one" "a" "other" "%d"}}`:       true,
		`Hello {{if eq .FirstName "Ada"}}you{{end}}`:             false,
		`Hello {{slice .Email 1}}`:                               false,
		`Hello {{with .FirstName}}{{.}}{{end}}`:                  false,
		`Hello {{printf "%v" .}}`:                                false,
		`Hello {{$.FirstName | len}}`:                            false,
		`{{$name := .FirstName}}Hello {{$name}}`:                 false,
		`Hello {{.FirstName | strong}}`:                          false,
	} {
		files, err := readSources("")
		if err != nil {
			t.Fatal(err)
		}
		at := files["layout/en.tmpl"]
		at.text = strings.Replace(at.text, `{{define "greeting"}}`, `{{define "greeting"}}`+greeting+`{{end}}{{define "unused"}}`, 1)
		files["layout/en.tmpl"] = at
		b, err := newBrand(ComposerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		tags, err := files.languages()
		if err != nil {
			t.Fatal(err)
		}
		l, err := files.letter(VerifyAccount, tags[0], b)
		if err != nil {
			t.Fatalf("%s: %v", greeting, err)
		}
		if got := l.stencils != nil; got != want {
			t.Errorf("%s: stencils: %t, want %t", greeting, got, want)
		}
	}
}
