package mail_test

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"countersign/mail"
)

func compose(t *testing.T, m mail.Mail) (headers netmail.Header, text, html string) {
	t.Helper()
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "Länder <no-reply@example.com>", ReplyTo: "help@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	message, err := composer.Compose(m, mail.Letter{Code: "012345", Link: "https://example.com/#handle.token"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(message.Text) {
		if !strings.HasSuffix(line, "\r\n") && !strings.HasSuffix(message.Text, line) || len(line) > 200 {
			t.Errorf("line %q", line)
		}
		for _, r := range line {
			if r > 126 || r < ' ' && r != '\r' && r != '\n' {
				t.Errorf("line %q is not ASCII", line)
			}
		}
	}
	letter, err := netmail.ReadMessage(strings.NewReader(message.Text))
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(letter.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	var parts []string
	reader := multipart.NewReader(letter.Body, parameters["boundary"])
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
	return letter.Header, parts[0], parts[1]
}

func TestComposer_ACodeMail_SaysItAll(t *testing.T) {
	headers, text, html := compose(t, codeMailAt(noon, "Ada"))
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
	if strings.Contains(html, "src=") || strings.Contains(html, "url(") || strings.Contains(html, "<link") {
		t.Errorf("remote content: %s", html)
	}
}

func codeMailAt(at time.Time, firstName string) mail.Mail {
	return mail.Mail{
		ID: "m1", Kind: mail.VerifyAccount, To: "ada@example.org", FirstName: firstName, Locale: "pt-BR",
		OccurredAt: at, CodeExpiresAt: at.Add(10 * time.Minute),
	}
}

func TestComposer_OtherKinds_CarryNoCode(t *testing.T) {
	for kind, subject := range map[mail.Kind]string{
		mail.AccountVerified:   "Account Verified",
		mail.AlreadyRegistered: "You already have an account",
	} {
		m := codeMailAt(noon, "Ada")
		m.Kind = kind
		headers, text, html := compose(t, m)
		if headers.Get("Subject") != subject || strings.Contains(text+html, "012345") || strings.Contains(text+html, "handle") {
			t.Errorf("%s: %s %s", headers.Get("Subject"), text, html)
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
		headers, text, _ := compose(t, codeMailAt(noon, name))
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
		message, err := composer.Compose(m, mail.Letter{}, noon)
		if message.To != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", address, message.To, err)
		}
	}
	m := codeMailAt(noon, "Ada")
	m.ID = "a>\r\nBcc: eve@evil.com"
	if _, err := composer.Compose(m, mail.Letter{}, noon); err == nil {
		t.Error("an id that breaks the header was taken")
	}
	m.ID, m.Kind = "a", "odd"
	if _, err := composer.Compose(m, mail.Letter{}, noon); err == nil {
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
