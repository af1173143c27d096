// Package inbox is an SMTP server that keeps what it is sent and shows it on a page: for trying out, for development and
// for tests, where no relay is at hand. It forwards nothing.
//
// It is an honest witness: a mail is on disk before its 250, and one that comes twice is shown twice. It knows nothing of
// who sends or why.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
)

// mostBytes bounds one mail.
const mostBytes = 10 << 20

// Config says where an inbox listens and keeps its mails.
type Config struct {
	// Addr is where SMTP is spoken, host:port; port 0 is any free one.
	Addr string
	// Dir holds the mails. It is made if it is missing.
	Dir string
	// Keep is how many of the newest mails are shown. Older ones are deleted by and by. Defaults to 10,000.
	Keep int
	Log  logrus.FieldLogger
}

// Inbox is an SMTP server and what it was sent.
type Inbox struct {
	listener net.Listener
	store    *store
	log      logrus.FieldLogger
}

// New listens and reads what was kept. An error of the listener is wrapped. Whoever got an Inbox must Run it: that is
// what closes it.
func New(cfg Config) (*Inbox, error) {
	if cfg.Keep == 0 {
		cfg.Keep = 10_000
	}
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	kept, err := openStore(cfg.Dir, cfg.Keep)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("inbox: %w", err)
	}
	return &Inbox{listener: listener, store: kept, log: cfg.Log}, nil
}

// Addr is where SMTP is spoken.
func (in *Inbox) Addr() string { return in.listener.Addr().String() }

// Run takes mails until ctx ends.
func (in *Inbox) Run(ctx context.Context) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{store: in.store}, nil
	}))
	server.Domain = "localhost"
	server.MaxMessageBytes = mostBytes
	server.ReadTimeout, server.WriteTimeout = 5*time.Minute, time.Minute
	server.ErrorLog = in.log
	var parts errgroup.Group
	parts.Go(func() error { return in.store.run() })
	parts.Go(func() error {
		defer in.store.close()
		stop := context.AfterFunc(ctx, func() { server.Close() })
		defer stop()
		if err := server.Serve(in.listener); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			server.Close()
			return fmt.Errorf("inbox: %w", err)
		}
		return nil
	})
	return parts.Wait()
}

// session is one SMTP conversation.
type session struct {
	store *store
	from  string
	to    []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.store.add(record{ReceivedAt: time.Now().UTC(), From: s.from, To: s.to, Raw: raw}); err != nil {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Could not keep the mail"}
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }
