package e2e

// The mail servers of the tests:
//   - a go-smtp server in the test itself, so that `make test` needs only Go;
//   - aiosmtpd, which no one here wrote, on a real Kafka.
// Both fill a mailbox, in which a test waits for what it expects.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	mailWithin = 60 * time.Second

	verifyAccount   = "Verify Account"
	accountVerified = "Account Verified"

	// refusedOnce is how addresses begin to which the first mail is refused.
	refusedOnce = "refused-"
)

type letter struct {
	To         []string  `json:"to"`
	Raw        string    `json:"raw"`
	ReceivedAt time.Time `json:"received_at"`

	subject, messageID, text string
}

// read fills what the letter says from its raw form.
func (l *letter) read() error {
	m, err := mail.ReadMessage(strings.NewReader(l.Raw))
	if err != nil {
		return err
	}
	l.messageID = m.Header.Get("Message-ID")
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	// The plain text comes first (RFC 2046 §5.1.4: the plainest alternative first).
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextPart()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(part)
	l.text = string(text)
	return err
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// code returns what the first line of the text says, empty in a mail that has none.
func (l letter) code() string { return sixDigits.FindString(l.text) }

type mailbox struct {
	address string
	url     string // for SMTP_URL

	mu      sync.Mutex
	letters map[string][]letter // by recipient
	refused map[string]bool
	bad     []error
}

func (b *mailbox) put(l letter) {
	err := l.read()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.bad = append(b.bad, err)
	}
	for _, to := range l.To {
		b.letters[to] = append(b.letters[to], l)
	}
}

// to returns the mails that reached the address, with the subject.
func (b *mailbox) to(address, subject string) (found []letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.letters[address] {
		if l.subject == subject {
			found = append(found, l)
		}
	}
	return found
}

// refuses says whether the address gets its first mail now, and begins with refusedOnce.
func (b *mailbox) refuses(address string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := strings.HasPrefix(address, refusedOnce) && !b.refused[address]
	b.refused[address] = true
	return first
}

func (b *mailbox) count() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, letters := range b.letters {
		n += len(letters)
	}
	return n
}

// await returns the first mail to the address with the subject.
func (b *mailbox) await(ctx context.Context, address, subject string) (letter, error) {
	ok := eventually(ctx, mailWithin, func() bool { return len(b.to(address, subject)) > 0 })
	if !ok {
		return letter{}, fmt.Errorf("%s got no %q within %s", address, subject, mailWithin)
	}
	return b.to(address, subject)[0], nil
}

// newMailbox returns a mailbox that takes in nothing yet.
func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	address := freeAddress(t)
	return &mailbox{address: address, url: "smtp://" + address, letters: map[string][]letter{}, refused: map[string]bool{}}
}

// open starts the mail server that goes with the broker under test.
func (b *mailbox) open(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		for _, err := range b.bad {
			t.Errorf("a mail cannot be read: %v", err)
		}
	})
	if brokerList() == "" {
		serveSMTP(t, b.address, b)
	} else {
		b.serveAiosmtpd(t)
	}
}

// serveSMTP runs a go-smtp server until the test ends.
func serveSMTP(t *testing.T, address string, backend smtp.Backend) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	check(t, err)
	server := smtp.NewServer(backend)
	server.Domain = "localhost"
	server.ErrorLog = log.New(io.Discard, "", 0) // who is killed hangs up without a word
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}

// NewSession and what follows make the mailbox a go-smtp backend.
func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }

type session struct {
	box *mailbox
	to  []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.box.refuses(to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err == nil {
		s.box.put(letter{To: s.to, Raw: string(raw), ReceivedAt: time.Now()})
	}
	return err
}

func (s *session) Reset()        { s.to = nil }
func (s *session) Logout() error { return nil }

// silentRelay fills a mailbox, but never says whether it has the mails to one address, which it takes in wholly.
type silentRelay struct {
	box     *mailbox
	address string

	heard chan struct{} // gets a word when such a mail came
	over  chan struct{}
}

// newSilentRelay returns one that listens at the mailbox's address until the test ends.
func newSilentRelay(t *testing.T, b *mailbox, address string) *silentRelay {
	t.Helper()
	r := &silentRelay{box: b, address: address, heard: make(chan struct{}, 1), over: make(chan struct{})}
	serveSMTP(t, b.address, r)
	t.Cleanup(func() { close(r.over) })
	return r
}

// NewSession makes it a go-smtp backend.
func (r *silentRelay) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &silentSession{session{box: r.box}, r}, nil
}

type silentSession struct {
	session

	relay *silentRelay
}

func (s *silentSession) Data(r io.Reader) error {
	if err := s.session.Data(r); err != nil || !slices.Contains(s.to, s.relay.address) {
		return err
	}
	select {
	case s.relay.heard <- struct{}{}:
	default:
	}
	<-s.relay.over
	return nil
}

// python runs aiosmtpd; `make test-kafka` puts it there.
var python = filepath.Join("..", ".cache", "aiosmtpd-1.4.6", "bin", "python")

func (b *mailbox) serveAiosmtpd(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("aiosmtpd is missing, make test-kafka installs it: %v", err)
	}
	_, port, err := net.SplitHostPort(b.address)
	check(t, err)
	cmd := exec.Command(python, "aiosmtpd_sink.py", port)
	endWithUs(cmd)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewReader(stdout); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			var l letter
			if err := json.Unmarshal(line, &l); err != nil {
				l.Raw = string(line)
			}
			b.put(l)
		}
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-done
		cmd.Wait()
	})
	ok := eventually(t.Context(), readyWithin, func() bool {
		conn, err := net.Dial("tcp", b.address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if !ok {
		t.Fatalf("aiosmtpd does not listen on %s", b.address)
	}
}
