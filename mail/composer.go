// Rules of a message:
//   - it is built once, by us: Date, a Message-ID that is the mail's id, ASCII on the wire;
//   - nothing a person typed reaches a header, and a name that is more than a name reaches nothing;
//   - the recipient is a dot-atom at a domain: a quoted local part could carry SMTP parameters;
//   - it speaks the reader's language, English if there is none.

package mail

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"countersign/locale"
)

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
	// Text is the whole message, headers and body. No line of it begins with a dot.
	Text []byte

	// secrets must not appear in what is told about the message.
	secrets []string
}

// ComposerConfig describes what all mails have in common. Errors name its fields by their settings.
type ComposerConfig struct {
	// From is the sender, with or without a name (MAIL_FROM).
	From string
	// ReplyTo is where answers go (MAIL_REPLY_TO). Defaults to Support, else From.
	ReplyTo string
	// Product is the name the mails speak in (MAIL_PRODUCT). Defaults to "Countersign".
	Product string
	// Color is the button's, as #rrggbb (MAIL_COLOR). Defaults to "#3454d1".
	Color string
	// Logo is a file, PNG, JPEG or GIF of 64 KiB at most, that is attached to every mail (MAIL_LOGO). Defaults to none.
	Logo string
	// Support is the address for questions that the mails name (MAIL_SUPPORT). Defaults to none.
	Support string
	// TemplateDir holds templates that stand for those built in (TEMPLATE_DIR). Defaults to none.
	TemplateDir string
}

// Composer turns mails into messages. It may be used by several goroutines at once.
type Composer struct {
	from *netmail.Address
	// head is those of the headers that all messages have.
	head      string
	brand     *brand
	languages locale.Matcher
	places    map[string]int             // of the languages, by their tags
	letters   map[Kind][]*letterTemplate // in the order of the languages
}

// NewComposer reads the templates and proves each one. An error names the setting, or the template's file and line.
func NewComposer(cfg ComposerConfig) (*Composer, error) {
	c := &Composer{letters: make(map[Kind][]*letterTemplate), places: make(map[string]int)}
	var err error
	if c.from, err = sender(cfg.From); err != nil {
		return nil, fmt.Errorf("MAIL_FROM %q: %w", cfg.From, err)
	}
	if c.brand, err = newBrand(cfg); err != nil {
		return nil, err
	}
	replyTo, err := sender(cmp.Or(cfg.ReplyTo, cfg.Support, cfg.From))
	if err != nil {
		return nil, fmt.Errorf("MAIL_REPLY_TO %q: %w", cfg.ReplyTo, err)
	}
	c.head = header("From", c.from.String()) + header("Reply-To", replyTo.String())
	files, err := readSources(cfg.TemplateDir)
	if err != nil {
		return nil, err
	}
	tags, err := files.languages()
	if err != nil {
		return nil, err
	}
	c.languages = locale.NewMatcher(tags)
	for place, tag := range tags {
		c.places[tag.String()] = place
	}
	for _, kind := range Kinds() {
		for _, tag := range tags {
			letter, err := files.letter(kind, tag, c.brand)
			if err != nil {
				return nil, faulty(err)
			}
			c.letters[kind] = append(c.letters[kind], letter)
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

// letter returns that of a kind in the language nearest to a locale.
func (c *Composer) letter(kind Kind, locale string) (*letterTemplate, error) {
	letters := c.letters[kind]
	if letters == nil {
		return nil, fmt.Errorf("mail of unknown kind %q: there are %s", kind, strings.Join(folders()[1:], ", "))
	}
	place, exact := c.places[locale]
	if !exact {
		place, _ = c.languages.Match(locale)
	}
	return letters[place], nil
}

// Compose writes the message of a mail to b, whose bytes are its Text. An error is for good: the same mail will not compose
// later either.
func (c *Composer) Compose(b *bytes.Buffer, m Mail, l Letter, now time.Time) (Message, error) {
	letter, err := c.letter(m.Kind, m.Locale)
	if err != nil {
		return Message{}, err
	}
	if !isDotAtom(m.ID) {
		return Message{}, errors.New("the mail's id cannot be a Message-ID")
	}
	to, err := deliverable(m.To)
	if err != nil {
		return Message{}, fmt.Errorf("recipient: %w", err)
	}
	f := c.brand.fields()
	f.FirstName, f.Email = personal(m.FirstName), to
	f.Code, f.Link, f.Dispute, f.Reference = l.Code, l.Link, l.Dispute, l.Reference
	if m.Kind == VerifyAccount {
		f.Minutes = int(m.CodeExpiresAt.Sub(now).Round(time.Minute) / time.Minute)
	}
	text, html, err := letter.parts(f)
	if err != nil {
		return Message{}, err
	}
	_, domain, _ := strings.Cut(c.from.Address, "@")
	message := Message{ID: m.ID + "@" + domain, From: c.from.Address, To: to}
	for _, secret := range []string{l.Code, l.Link, l.Dispute} {
		if secret == "" {
			continue
		}
		message.secrets = append(message.secrets, secret)
		if _, token, has := strings.Cut(secret, "#"); has { // a filter may quote a link without its beginning
			message.secrets = append(message.secrets, token)
		}
	}
	body := newBody(m.ID, text, html, c.brand.logo)
	b.Reset()
	b.WriteString(header("Date", now.Format(time.RFC1123Z)))
	b.WriteString(header("Message-ID", "<"+message.ID+">"))
	b.WriteString(c.head)
	b.WriteString(header("To", "<"+to+">"))
	b.WriteString(letter.head)
	b.WriteString(header("Content-Type", body.contentType()))
	b.WriteString("\r\n")
	body.write(b)
	message.Text = b.Bytes()
	return message, nil
}

// header is a line of the message's head.
func header(name, value string) string { return name + ": " + value + "\r\n" }

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// atomBytes are RFC 5322's atext, 3.2.3: none of them has a meaning in SMTP or in a header.
var atomBytes = newByteSet(alphanumeric + "!#$%&'*+/=?^_`{|}~-")

// isDotAtom says whether a text is RFC 5322's dot-atom.
func isDotAtom(text string) bool {
	for {
		atom, rest, more := strings.Cut(text, ".")
		if atom == "" || !atomBytes.hold(atom) {
			return false
		}
		if !more {
			return true
		}
		text = rest
	}
}

// byteSet says of each byte whether it is in the set.
type byteSet [256]bool

func newByteSet(of string) (s byteSet) {
	for i := range len(of) {
		s[of[i]] = true
	}
	return s
}

// prefix is how many bytes at the beginning of a text are in the set.
func (s *byteSet) prefix(text string) int {
	for i := range len(text) {
		if !s[text[i]] {
			return i
		}
	}
	return len(text)
}

// hold says whether all bytes of a text are in the set.
func (s *byteSet) hold(text string) bool { return s.prefix(text) == len(text) }

// deliverable is an address as it may stand in a command and a header: a dot-atom at an ASCII domain.
func deliverable(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !isDotAtom(address[:at]) {
		return "", errors.New("not a plain address")
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || !isDotAtom(domain) {
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
