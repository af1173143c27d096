package mail_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/mail"
)

func TestComposer_WithALogo_AttachesItBesideTheHTML(t *testing.T) {
	var logo bytes.Buffer
	if err := png.Encode(&logo, image.NewGray(image.Rect(0, 0, 480, 96))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(file, logo.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	composer, err := mail.NewComposer(mail.ComposerConfig{
		From: "no-reply@example.com", Product: "Acme & Sons", Color: "#FFD400", Support: "Help <help@example.com>", Logo: file,
	})
	if err != nil {
		t.Fatal(err)
	}
	message, err := composer.Compose(new(bytes.Buffer), codeMailAt(noon, "Ada"), letter, noon)
	if err != nil {
		t.Fatal(err)
	}
	read, err := netmail.ReadMessage(bytes.NewReader(message.Text))
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Header.Get("Reply-To"); got != `"Help" <help@example.com>` {
		t.Errorf("answers go to %s", got)
	}
	text, related := next(t, multipartOf(t, read.Header.Get("Content-Type"), "multipart/alternative", read.Body))
	if !strings.Contains(text, "012345 is your Acme & Sons code.") || !strings.Contains(text, "Questions? Write to us: help@example.com") {
		t.Errorf("text: %s", text)
	}
	part, err := related.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	html, pictures := next(t, multipartOf(t, part.Header.Get("Content-Type"), "multipart/related", part))
	for _, want := range []string{
		`<img src="cid:logo@countersign" alt="Acme &amp; Sons" width="240" height="48"`, `bgcolor="#ffd400"`, "color:#000000",
		`<a href="mailto:help@example.com"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is missing in %s", want, html)
		}
	}
	picture, err := pictures.NextPart()
	if err != nil || picture.Header.Get("Content-Type") != "image/png" || picture.Header.Get("Content-ID") != "<logo@countersign>" {
		t.Fatalf("picture: %v, %v", picture, err)
	}
	if content, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, picture)); err != nil || !bytes.Equal(content, logo.Bytes()) {
		t.Errorf("the picture is another one: %v", err)
	}
	for what, parts := range map[string]*multipart.Reader{"related": pictures, "alternative": related} {
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("%s goes on: %v", what, err)
		}
	}
	preview, err := composer.Preview(mail.VerifyAccount, "en", false)
	if err != nil || !strings.Contains(preview.HTML, `src="data:image/png;base64,`) || strings.Contains(preview.HTML, "cid:") {
		t.Errorf("a browser sees no logo: %s, %v", preview.HTML, err)
	}
}

// multipartOf reads the parts of a body of the kind.
func multipartOf(t *testing.T, contentType, kind string, body io.Reader) *multipart.Reader {
	t.Helper()
	got, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || got != kind {
		t.Fatalf("%s is no %s: %v", contentType, kind, err)
	}
	return multipart.NewReader(body, parameters["boundary"])
}

// next returns what the next part says, and the parts after it.
func next(t *testing.T, parts *multipart.Reader) (content string, rest *multipart.Reader) {
	t.Helper()
	part, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(part) // NextPart decodes quoted-printable
	if err != nil {
		t.Fatal(err)
	}
	return string(all), parts
}
