package locale_test

import (
	"html/template"
	"strings"
	"testing"

	"countersign/locale"
)

func in(t *testing.T, tag string) *locale.Language {
	t.Helper()
	l, fits := read(t).Match(tag)
	if !fits {
		t.Fatalf("no %s", tag)
	}
	return l
}

func TestText_WhatIsCounted_HasThePluralFormOfItsLanguage(t *testing.T) {
	for tag, want := range map[string][]string{
		"en":      {"0 tries left.", "One try left.", "2 tries left.", "4 tries left.", "100 tries left."},
		"de":      {"Noch 0 Versuche.", "Noch ein Versuch.", "Noch 2 Versuche.", "Noch 4 Versuche.", "Noch 100 Versuche."},
		"zh-Hans": {"还有 0 次。", "还有 1 次。", "还有 2 次。", "还有 4 次。", "还有 100 次。"},
		"ar":      {"لا محاولات", "محاولة واحدة", "محاولتان", "4 محاولات", "100 محاولة"},
	} {
		l := in(t, tag)
		for i, n := range []int{0, 1, 2, 4, 100} {
			if said, err := l.Text("tries", "Count", n); said != want[i] || err != nil {
				t.Errorf("%d in %s: %q, %v", n, tag, said, err)
			}
		}
	}
}

func TestText_WhatIsNotComplete_IsAnError(t *testing.T) {
	l := in(t, "de")
	for id, pairs := range map[string][]any{"odd": nil, "mail.sent": {"Mail", "ada@example.com"}, "tries": {"Count", "many"}} {
		if said, err := l.Text(id, pairs...); err == nil || said != "" || !strings.Contains(err.Error(), "say "+id+" in de") {
			t.Errorf("%s: %q, %v", id, said, err)
		}
	}
}

func TestHTML_ValuesAreEscaped_UnlessTheyAreHTML(t *testing.T) {
	l := in(t, "en")
	for value, want := range map[any]template.HTML{
		"<b>ada@example.com":                "Sent to &lt;b&gt;ada@example.com.",
		template.HTML("<b>ada</b>"):         "Sent to <b>ada</b>.",
		locale.Strong("<i>ada@example.com"): `Sent to <strong dir="auto">&lt;i&gt;ada@example.com</strong>.`,
	} {
		if said, err := l.HTML("mail.sent", "Email", value); said != want || err != nil {
			t.Errorf("%v: %q, %v", value, said, err)
		}
	}
	if said, err := l.HTML("tries", "Count", 4); said != "4 tries left." || err != nil {
		t.Errorf("counted: %q, %v", said, err)
	}
}

func TestLanguages_HaveTheirOwnNameAndTheDirectionOfTheirScript(t *testing.T) {
	for tag, want := range map[string][2]string{
		"en": {"English", "ltr"}, "zh-Hans": {"简体中文", "ltr"}, "ar": {"العربية", "rtl"},
	} {
		if l := in(t, tag); l.Name != want[0] || l.Dir != want[1] {
			t.Errorf("%s: %s, %s", tag, l.Name, l.Dir)
		}
	}
}
