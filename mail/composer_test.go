package mail_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/mail"
)

var letter = mail.Letter{
	Code: "012345", Link: "https://example.com/#handle.token", Dispute: "https://example.com/dispute#handle.other", Reference: "K7M",
}

func compose(t *testing.T, m mail.Mail, l mail.Letter) (headers netmail.Header, text, html string) {
	t.Helper()
	composer, err := ordinary()
	if err != nil {
		t.Fatal(err)
	}
	return open(t, composer, m, l)
}

// ordinary is made once for all tests: it tries every template in every language.
var ordinary = sync.OnceValues(func() (*mail.Composer, error) {
	return mail.NewComposer(mail.ComposerConfig{From: "Länder <no-reply@example.com>", ReplyTo: "help@example.com"})
})

// open composes a mail and takes it apart.
func open(t *testing.T, composer *mail.Composer, m mail.Mail, l mail.Letter) (headers netmail.Header, text, html string) {
	t.Helper()
	message, err := composer.Compose(new(bytes.Buffer), m, l, noon)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(message.Text)) {
		if !strings.HasSuffix(line, "\r\n") && !strings.HasSuffix(string(message.Text), line) || len(line) > 200 {
			t.Errorf("line %q", line)
		}
		for _, r := range line {
			if r > 126 || r < ' ' && r != '\r' && r != '\n' {
				t.Errorf("line %q is not ASCII", line)
			}
		}
	}
	read, err := netmail.ReadMessage(bytes.NewReader(message.Text))
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	var parts []string
	reader := multipart.NewReader(read.Body, parameters["boundary"])
	for _, want := range []string{"text/plain; charset=utf-8", "text/html; charset=utf-8"} {
		part, err := reader.NextRawPart()
		if err != nil || part.Header.Get("Content-Type") != want {
			t.Fatal(part, err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	return read.Header, parts[0], parts[1]
}

func TestComposer_ACodeMail_SaysItAll(t *testing.T) {
	headers, text, html := compose(t, codeMailAt(noon, "Ada"), letter)
	for name, want := range map[string]string{
		"Message-Id":       "<m1@example.com>",
		"Subject":          "Verify Account",
		"To":               "<ada@example.org>",
		"From":             "=?utf-8?q?L=C3=A4nder?= <no-reply@example.com>",
		"Reply-To":         "<help@example.com>",
		"Auto-Submitted":   "auto-generated",
		"Content-Language": "en",
		"Date":             "Sun, 22 Nov 2026 12:00:00 +0000",
	} {
		if headers.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, headers.Get(name), want)
		}
	}
	if !strings.HasPrefix(text, "012345 is your Countersign code.\n") {
		t.Errorf("the first line does not say it: %.80s", text)
	}
	for _, body := range []string{text, html} {
		for _, want := range []string{
			"Please use this code 012345 to complete your verification", "Hello Ada,", "ada@example.org",
			"10 minutes", "https://example.com/#handle.token",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%q is missing in %s", want, body)
			}
		}
	}
}

func TestComposer_AMailWithACode_SaysWhereNotToTypeIt(t *testing.T) {
	for code, want := range map[string]int{letter.Code: 1, "": 0} {
		l := letter
		l.Code = code
		_, text, html := compose(t, codeMailAt(noon, "Ada"), l)
		for _, body := range []string{text, html} {
			if strings.Count(body, "If it shows another one, do not type the code there.") != want {
				t.Errorf("code %q: %s", code, body)
			}
		}
	}
}

func TestComposer_AMailWithALinkAlone_SpeaksOfNoCode(t *testing.T) {
	ofCode := regexp.MustCompile(`(?i)\bcode\b|código|验证码|without typing|ohne tippen|sin escribir|sans saisi|sem digitar|无需输入`)
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "no-reply@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]bool{letter.Code: true, "": false} {
		l := letter
		l.Code = code
		for _, locale := range languages {
			m := codeMailAt(noon, "Ada")
			m.Locale = locale
			_, text, html := open(t, composer, m, l)
			_, html, _ = strings.Cut(html, "</head>")
			for _, body := range []string{text, tag.ReplaceAllString(html, "")} {
				if ofCode.MatchString(body) != want {
					t.Errorf("code %q, in %s: %q in %s", code, locale, ofCode.FindString(body), body)
				}
			}
		}
	}
}

func codeMailAt(at time.Time, firstName string) mail.Mail {
	return mail.Mail{
		ID: "m1", Kind: mail.VerifyAccount, To: "ada@example.org", FirstName: firstName, Locale: "en-GB",
		OccurredAt: at, CodeExpiresAt: at.Add(10 * time.Minute),
	}
}

var languages = []string{"en", "de", "es", "fr", "pt-BR", "zh-Hans"}

var (
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	link      = regexp.MustCompile(`https?:[^\s"<]+`)
	tag       = regexp.MustCompile(`<[^>]*>`)
	remote    = regexp.MustCompile(`(?i)src=|url\(|<link|@import|<script|<form`)
	unfilled  = regexp.MustCompile(`<no value>|ZgotmplZ|{{|%!`)
)

// all returns what is found in a text, once each.
func all(what *regexp.Regexp, in string) []string {
	found := what.FindAllString(in, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestComposer_EveryKindInEveryLanguage_SaysTheSameInTextAndHTML(t *testing.T) {
	linkOnly := letter
	linkOnly.Code = ""
	for _, c := range []struct {
		kind   mail.Kind
		letter mail.Letter
		codes  []string
		links  []string
	}{
		{mail.VerifyAccount, letter, []string{letter.Code}, []string{letter.Link, letter.Dispute}},
		{mail.VerifyAccount, linkOnly, nil, []string{letter.Link, letter.Dispute}},
		{mail.AlreadyRegistered, mail.Letter{Dispute: letter.Dispute, Reference: letter.Reference}, nil, []string{letter.Dispute}},
		{mail.AccountVerified, mail.Letter{}, nil, nil},
	} {
		subjects := map[string]bool{}
		for _, locale := range languages {
			m := codeMailAt(noon, "Zoë")
			m.Kind, m.Locale = c.kind, locale
			headers, text, html := compose(t, m, c.letter)
			if headers.Get("Content-Language") != locale || !strings.Contains(html, `<html lang="`+locale+`" dir="ltr">`) || subjects[headers.Get("Subject")] {
				t.Errorf("%s in %s: language %s, subject %s", c.kind, locale, headers.Get("Content-Language"), headers.Get("Subject"))
			}
			subjects[headers.Get("Subject")] = true
			_, html, _ = strings.Cut(html, "</head>") // colours look like codes
			for part, body := range map[string]string{"text": text, "HTML": html} {
				if !slices.Equal(all(link, body), c.links) || unfilled.MatchString(body) || remote.MatchString(body) {
					t.Errorf("%s in %s: links or fields of %s: %s", c.kind, locale, part, body)
				}
				if !strings.Contains(body, "Zoë") || !strings.Contains(body, "ada@example.org") || !strings.Contains(body, c.letter.Reference) {
					t.Errorf("%s in %s: name, address or reference is missing in %s: %s", c.kind, locale, part, body)
				}
			}
			if !slices.Equal(all(sixDigits, text), c.codes) || strings.Contains(html, letter.Code) != (c.codes != nil) {
				t.Errorf("%s in %s: codes: %s %s", c.kind, locale, text, html)
			}
		}
	}
}

func TestComposer_Minutes_AreCounted(t *testing.T) {
	for locale, want := range map[string][2]string{
		"en": {"one more minute", "next 2 minutes"}, "de": {"eine Minute", "2 Minuten"}, "es": {"un minuto", "próximos 2 minutos"},
		"fr": {"une minute", "2 minutes"}, "pt-BR": {"um minuto", "próximos 2 minutos"}, "zh-Hans": {"1 分钟", "2 分钟"},
	} {
		for i, minutes := range []time.Duration{1, 2} {
			m := codeMailAt(noon, "Ada")
			m.Locale, m.CodeExpiresAt = locale, noon.Add(minutes*time.Minute)
			if _, text, _ := compose(t, m, letter); !strings.Contains(text, want[i]) {
				t.Errorf("%s: %q is missing in %s", locale, want[i], text)
			}
		}
	}
}

func TestComposer_ALocaleThatIsNoLanguageOfOurs_GetsTheNearest(t *testing.T) {
	for locale, want := range map[string]string{
		"": "en", "ja": "en", "not a tag": "en", "de-AT": "de", "es-419": "es", "pt": "pt-BR", "pt-PT": "pt-BR", "zh": "zh-Hans", "zh-CN": "zh-Hans",
	} {
		m := codeMailAt(noon, "Ada")
		m.Locale = locale
		if headers, _, _ := compose(t, m, letter); headers.Get("Content-Language") != want {
			t.Errorf("%q: %s, want %s", locale, headers.Get("Content-Language"), want)
		}
	}
}

func TestComposer_ANameThatIsMoreThanAName_IsLeftOut(t *testing.T) {
	for name, want := range map[string]string{
		"Zoë":                        "Hello Zoë,",
		"Anne-Marie O'Neill Jr.":     "Hello Anne-Marie O'Neill Jr.,",
		"":                           "Hello,",
		"buy at evil.com":            "Hello,",
		"Ada\r\nBcc: eve@evil.com":   "Hello,",
		"<a href=//evil.com>Ada</a>": "Hello,",
	} {
		headers, text, _ := compose(t, codeMailAt(noon, name), letter)
		if !strings.Contains(text, want) || strings.Contains(text, "evil") || len(headers) != 10 {
			t.Errorf("%q: %v %s", name, headers, text)
		}
	}
}

func TestComposer_ARecipientThatIsNoPlainAddress_IsRefused(t *testing.T) {
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "no-reply@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"ada+tag@example.org":                         "ada+tag@example.org",
		"ada@bücher.example":                          "ada@xn--bcher-kva.example",
		`"victim@evil.com> NOTIFY=NEVER"@example.org`: "",
		"ada@example.org>\r\nRCPT TO:<eve@evil.com":   "",
		"ada":          "",
		"@example.org": "",
		"ada@":         "",
		"ádá@x.org":    "",
	} {
		m := codeMailAt(noon, "Ada")
		m.To = address
		message, err := composer.Compose(new(bytes.Buffer), m, mail.Letter{}, noon)
		if message.To != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", address, message.To, err)
		}
	}
	m := codeMailAt(noon, "Ada")
	m.ID = "a>\r\nBcc: eve@evil.com"
	if _, err := composer.Compose(new(bytes.Buffer), m, mail.Letter{}, noon); err == nil {
		t.Error("an id that breaks the header was taken")
	}
	m.ID, m.Kind = "a", "odd"
	if _, err := composer.Compose(new(bytes.Buffer), m, mail.Letter{}, noon); err == nil {
		t.Error("an unknown kind was taken")
	}
}

func TestNewComposer_ASenderThatIsNoAddress_IsNamed(t *testing.T) {
	for _, cfg := range []mail.ComposerConfig{{}, {From: "Countersign"}, {From: `"a b"@example.com`}} {
		if _, err := mail.NewComposer(cfg); err == nil || !strings.Contains(err.Error(), "MAIL_FROM") {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

func BenchmarkComposer_Compose(b *testing.B) {
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "Countersign <no-reply@example.com>"})
	if err != nil {
		b.Fatal(err)
	}
	m := codeMailAt(noon, "Ada")
	b.ReportAllocs()
	var buffer bytes.Buffer
	for b.Loop() {
		if _, err := composer.Compose(&buffer, m, letter, noon); err != nil {
			b.Fatal(err)
		}
	}
}
