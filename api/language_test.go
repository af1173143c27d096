package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"countersign/api"
	"countersign/locale/localetest"
)

func TestRegister_WithoutALocale_TakesTheLanguageThatTheBrowserPrefers(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ given, preferred, want string }{
		{"", "de-AT,de;q=0.9,en;q=0.8", "de"},
		{"", "zh-CN", "zh-Hans"},
		{"", "ja, pt;q=0.5", "pt-BR"},
		{"", "ja", ""},
		{"", "*", ""},
		{"", "", ""},
		{"", ";;;", ""},
		{"nl", "de", "nl"},
		{"EN-gb", "de", "en-GB"},
	} {
		fields := []string{"email", "ada@example.com", "first_name", "Ada"}
		if c.given != "" {
			fields = append(fields, "locale", c.given)
		}
		if a := s.ask(http.MethodPost, "/api/register", "192.0.2.1:1", object(fields...), "Accept-Language", c.preferred); a.status != http.StatusAccepted {
			t.Fatalf("%+v: %d %s", c, a.status, a.body)
		}
		sent := s.sent()
		if got := sent[len(sent)-1].Locale; got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestPages_AreInTheLanguageThatTheBrowserPrefers_UnlessAnotherIsAskedFor(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct{ path, preferred, want string }{
		{"/", "", "en"},
		{"/", "ja", "en"},
		{"/", "fr-CA,fr;q=0.9", "fr"},
		{"/dispute", "es-MX", "es"},
		{"/?locale=de", "fr", "de"},
		{"/?locale=zh", "fr", "zh-Hans"},
		{"/?locale=ja", "fr", "fr"},
	} {
		a := s.ask(http.MethodGet, c.path, "192.0.2.1:1", "", "Accept-Language", c.preferred)
		if a.header.Get("Content-Language") != c.want || !strings.Contains(a.body, `<html lang="`+c.want+`" dir="ltr">`) || a.header.Get("Vary") != "Accept-Language" {
			t.Errorf("%+v: %s", c, a.header.Get("Content-Language"))
		}
	}
}

func TestPages_TheLanguageChosen_StaysAndBecomesTheMails(t *testing.T) {
	s := newSite(t)
	start := s.do(http.MethodGet, "/", "", "", "")
	a := s.submit("/show", fill(hiddenOf(start.body), "language", "de", "email", "ada@example.com", "first_name", "Ada"))
	form := hiddenOf(a.body)
	if !strings.Contains(a.body, "Konto anlegen") || !strings.Contains(a.body, `value="ada@example.com"`) || form.Get("idempotency_key") != hiddenOf(start.body).Get("idempotency_key") {
		t.Fatalf("chosen: %s", a.body)
	}
	a = s.submit("/register", fill(form, "email", "ada@example.com", "first_name", "Ada"))
	if !strings.Contains(a.body, "Code eingeben") || s.sent()[0].Locale != "de" {
		t.Fatalf("registered: %s %+v", a.body, s.sent())
	}
	a = s.submit("/verify", fill(hiddenOf(a.body), "code", wrongCode(s.lastCode())))
	if !strings.Contains(a.body, "Sie haben noch 4 Versuche.") {
		t.Errorf("mistyped: %s", a.body)
	}
	a = s.submit("/show", fill(hiddenOf(a.body), "language", "fr", "code", "123"))
	if !strings.Contains(a.body, "Saisissez votre code") || !strings.Contains(a.body, "Il vous reste 4 essais.") || !strings.Contains(a.body, `value="123"`) || len(s.sent()) != 2 {
		t.Errorf("another language: %d commands, %s", len(s.sent()), a.body)
	}
}

func TestPages_AnotherLanguage_NeedsOnlyItsFile(t *testing.T) {
	pages := t.TempDir()
	if err := os.CopyFS(pages, os.DirFS("../web/public")); err != nil {
		t.Fatal(err)
	}
	english, err := os.ReadFile("../web/public/languages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	arabic := strings.ReplaceAll(string(english), `"one":`, `"zero": "0", "two": "2", "few": "3", "many": "11", "one":`)
	if err := os.WriteFile(filepath.Join(pages, "languages", "ar.json"), []byte(arabic), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newHandler(t, func(c *api.Config) { c.Pages = os.DirFS(pages) })
	a := s.ask(http.MethodGet, "/", "192.0.2.1:1", "", "Accept-Language", "ar-EG")
	if !strings.Contains(a.body, `<html lang="ar" dir="rtl">`) {
		t.Errorf("got %s", a.body)
	}
}

func TestLanguages_OfThePages_HaveNoMessageThatNobodySays(t *testing.T) {
	named := func(id, sources string) bool { // by a step or a problem's code
		group, name, _ := strings.Cut(id, ".")
		return (group == "title" || group == "problem") && strings.Contains(sources, `"`+name+`"`)
	}
	localetest.EveryMessageIsSaid(t, "../web/public/languages/en.json", named, "../web/public/index.html", "*.go")
}

func TestLanguages_OfThePages_HaveNothingThatIsWrongThere(t *testing.T) {
	for language, wrong := range map[string]string{ // adjectives of a noun that is not said, spaces that break
		"es": `"{{\.Email}} es `, "fr": ` [:;?!»]|« |{{\.Email}} est-elle votre`, "pt-BR": `"{{\.Email}} é seu`, "zh-Hans": `[，。：；！？] `,
	} {
		text, err := os.ReadFile("../web/public/languages/" + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(wrong).FindAll(text, -1) {
			t.Errorf("%s has %q", language, found)
		}
	}
}
