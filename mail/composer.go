// Rules of a message:
//   - it is built once, by us: Date, a Message-ID that is the mail's id, multipart/alternative with the text first, CRLF,
//     quoted-printable, ASCII on the wire;
//   - nothing a person typed reaches a header, and a name that is more than a name reaches nothing;
//   - the recipient is a dot-atom at a domain: a quoted local part could carry SMTP parameters;
//   - a kind is two templates, of its text and its HTML, which say the same messages of the reader's language, English if
//     there is none; every one is tried when the composer is made.

package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	htmltemplate "html/template"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"regexp"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"countersign/locale"
)

//go:embed templates languages
var builtin embed.FS

// Letter is what a mail carries and no row holds.
type Letter struct {
	// Code is six digits. It is empty where only the link works, and for kinds but VerifyAccount.
	Code string
	// Link opens the page on which one click proves the address. VerifyAccount has one.
	Link string
	// Dispute opens the page on which one click says "I did not ask for this". It is empty where there is nothing to dispute.
	Dispute string
	// Reference is what the page shows, too: three characters by which its mail is known. It is empty where no page waits.
	Reference string
}

// Message is ready to be handed over.
type Message struct {
	// ID is the Message-ID, without angle brackets.
	ID       string
	From, To string
	// Text is the whole message, headers and body.
	Text string

	// secrets must not appear in what is told about the message.
	secrets []string
}

// ComposerConfig describes what all mails have in common.
type ComposerConfig struct {
	// From is the sender, with or without a name. Errors name it MAIL_FROM.
	From string
	// ReplyTo is where answers go. Defaults to From.
	ReplyTo string
	// Product is the name the mails speak in. Defaults to "Countersign".
	Product string
}

// Composer turns mails into messages. It may be used by several goroutines at once.
type Composer struct {
	from, replyTo *netmail.Address
	product       string
	words         *locale.Catalogue
	letters       map[Kind]map[*locale.Language]letterTemplate
}

type letterTemplate struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// fields is what a template may use.
type fields struct {
	Product   string
	Language  *locale.Language
	Title     string // the message that is one
	FirstName string
	Email     string
	Letter
	// Minutes is how long the code still lives, to the nearest minute.
	Minutes int
}

// NewComposer parses the templates and tries each one.
func NewComposer(cfg ComposerConfig) (*Composer, error) {
	c := &Composer{product: cfg.Product, letters: make(map[Kind]map[*locale.Language]letterTemplate)}
	if c.product == "" {
		c.product = "Countersign"
	}
	var err error
	if c.from, err = sender(cfg.From); err != nil {
		return nil, fmt.Errorf("MAIL_FROM %q: %w", cfg.From, err)
	}
	c.replyTo = c.from
	if cfg.ReplyTo != "" {
		if c.replyTo, err = sender(cfg.ReplyTo); err != nil {
			return nil, fmt.Errorf("reply-to %q: %w", cfg.ReplyTo, err)
		}
	}
	if c.words, err = locale.Read(builtin, "languages"); err != nil {
		return nil, fmt.Errorf("languages of mails: %w", err)
	}
	for _, kind := range []Kind{VerifyAccount, AccountVerified, AlreadyRegistered} {
		c.letters[kind] = make(map[*locale.Language]letterTemplate)
		for _, l := range c.words.Languages() {
			if c.letters[kind][l], err = readLetter(kind, l); err != nil {
				return nil, fmt.Errorf("templates of %s: %w", kind, err)
			}
			sample := Mail{ID: "sample", Kind: kind, To: "ada@example.org", FirstName: "Ada", Locale: l.Tag}
			whole := Letter{Code: "123456", Link: "https://example.org/#a.b", Dispute: "https://example.org/dispute#a.c", Reference: "ABC"}
			if _, err := c.Compose(sample, whole, time.Time{}); err != nil {
				return nil, fmt.Errorf("templates of %s in %s: %w", kind, l.Tag, err)
			}
		}
	}
	return c, nil
}

func sender(address string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	a.Address, err = deliverable(a.Address)
	return a, err
}

// readLetter reads templates/<kind>.{txt,html}, which say the messages of a language.
func readLetter(kind Kind, l *locale.Language) (letter letterTemplate, err error) {
	file := "templates/" + string(kind)
	if letter.text, err = texttemplate.New("").Funcs(texttemplate.FuncMap{"say": l.Text}).ParseFS(builtin, "templates/layout.txt", file+".txt"); err != nil {
		return letter, err
	}
	letter.html, err = htmltemplate.New("").Funcs(l.Funcs()).ParseFS(builtin, "templates/layout.html", file+".html")
	return letter, err
}

// Compose builds the message of a mail. An error is for good: the same mail will not compose later either.
func (c *Composer) Compose(m Mail, l Letter, now time.Time) (Message, error) {
	letters, ok := c.letters[m.Kind]
	if !ok {
		return Message{}, fmt.Errorf("mail of unknown kind %q", m.Kind)
	}
	if !dotAtom.MatchString(m.ID) {
		return Message{}, errors.New("the mail's id cannot be a Message-ID")
	}
	to, err := deliverable(m.To)
	if err != nil {
		return Message{}, fmt.Errorf("recipient: %w", err)
	}
	spoken, _ := c.words.Match(m.Locale)
	letter := letters[spoken]
	f := fields{
		Product: c.product, Language: spoken, Title: string(m.Kind) + ".title", FirstName: personal(m.FirstName), Email: to,
		Letter: l, Minutes: int(m.CodeExpiresAt.Sub(now).Round(time.Minute) / time.Minute),
	}
	subject, err := spoken.Text(string(m.Kind) + ".subject")
	var text, html bytes.Buffer
	err = errors.Join(err, letter.text.ExecuteTemplate(&text, "layout", f), letter.html.ExecuteTemplate(&html, "layout", f))
	if err != nil {
		return Message{}, err
	}
	_, domain, _ := strings.Cut(c.from.Address, "@")
	message := Message{ID: m.ID + "@" + domain, From: c.from.Address, To: to}
	for _, secret := range []string{l.Code, l.Link, l.Dispute} {
		if secret != "" {
			message.secrets = append(message.secrets, secret)
		}
	}
	body, contentType, err := alternative(m.ID, text.Bytes(), html.Bytes())
	if err != nil {
		return Message{}, err
	}
	var b strings.Builder
	for _, header := range [...][2]string{
		{"Date", now.Format(time.RFC1123Z)},
		{"Message-ID", "<" + message.ID + ">"},
		{"From", c.from.String()},
		{"Reply-To", c.replyTo.String()},
		{"To", (&netmail.Address{Address: to}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", subject)},
		{"Content-Language", spoken.Tag},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no out-of-office comes back.
		{"MIME-Version", "1.0"},
		{"Content-Type", contentType},
	} {
		b.WriteString(header[0] + ": " + header[1] + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	message.Text = b.String()
	return message, nil
}

// alternative builds a multipart/alternative body, the plainest part first (RFC 2046, 5.1.4).
func alternative(id string, text, html []byte) (body []byte, contentType string, err error) {
	h := fnv.New128a()
	h.Write([]byte(id))
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	if err := parts.SetBoundary(fmt.Sprintf("=_%x", h.Sum(nil))); err != nil {
		return nil, "", err
	}
	for _, part := range []struct {
		kind    string
		content []byte
	}{{"text/plain", text}, {"text/html", html}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {part.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, "", err
		}
		encoded := quotedprintable.NewWriter(w)
		if _, err := encoded.Write(part.content); err != nil {
			return nil, "", err
		}
		if err := encoded.Close(); err != nil {
			return nil, "", err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, "", err
	}
	return b.Bytes(), mime.FormatMediaType("multipart/alternative", map[string]string{"boundary": parts.Boundary()}), nil
}

// dotAtom is RFC 5322's, 3.2.3: nothing in it has a meaning in SMTP or in a header.
var dotAtom = regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// deliverable is an address as it may stand in a command and a header: a dot-atom at an ASCII domain.
func deliverable(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !dotAtom.MatchString(address[:at]) {
		return "", errors.New("not a plain address")
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || !dotAtom.MatchString(domain) {
		return "", errors.New("not a domain")
	}
	return address[:at+1] + domain, nil
}

// personal returns a name if it is nothing but one: a mail in our name must not carry a stranger's text or link.
func personal(name string) string {
	for i, r := range name {
		inner := i > 0 && (r == ' ' || r == '\'' || r == '’' || r == '-' || r == '.' && (i+1 == len(name) || name[i+1] == ' '))
		if !inner && !unicode.In(r, unicode.L, unicode.M) {
			return ""
		}
	}
	return name
}
