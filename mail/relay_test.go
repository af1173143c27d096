package mail_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"countersign/mail"
)

func TestNewRelay_AURLThatCannotBeRead_IsRefusedWithoutQuotingIt(t *testing.T) {
	for _, url := range []string{
		"", "mail.example.com", "mail.example.com:587", "http://user:pa55word@example.com", "smtp://", "smtp://:587",
		"smtp://user:pa55word@example.com:notaport", "smtp://user:pa55word@example.com:0", "smtp://user:pa55word@example.com:70000",
		"smtp://user:pa55word%@example.com", "smtp://user@example.com", "smtp://:pa55word@example.com",
		"smtp://user:pa55word@example.com/path", "smtp://user:pa55word@example.com?a=b", "smtp://user:pa55word/with:slash@example.com",
	} {
		_, err := mail.NewRelay(mail.RelayConfig{URL: url})
		if err == nil || !strings.HasPrefix(err.Error(), "SMTP_URL: ") || strings.Contains(err.Error(), "pa55word") {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, url := range []string{"smtp://127.0.0.1", "smtps://us%40er:p%3Aw@mail.example.com", "smtp://[::1]:2525"} {
		if _, err := mail.NewRelay(mail.RelayConfig{URL: url}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestRelay_WithTLS_SendsAuthenticated(t *testing.T) {
	server, client := certificate(t)
	for name, option := range map[string]func(*scriptedRelay){
		"smtp":  func(r *scriptedRelay) { r.tls, r.extensions = server, []string{"STARTTLS", "AUTH PLAIN LOGIN"} },
		"smtps": func(r *scriptedRelay) { r.tls, r.implicit, r.extensions = server, true, []string{"AUTH PLAIN"} },
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, always("", ""), option)
			p := startPost(t, mail.RelayConfig{URL: name + "://user:pa55word@" + r.addr(), TLS: client})
			p.queue(codeMail("m1", "ada@example.org"))
			if d := p.result("m1", 1); d.State != mail.Sent {
				t.Errorf("result: %+v", d)
			}
			if !strings.Contains(r.said(), "AUTH PLAIN AHVzZXIAcGE1NXdvcmQ=") {
				t.Errorf("conversation: %s", r.said())
			}
		})
	}
}

func TestRelay_WhereTLSOrAuthIsNotToBeHad_SendsNothingAndSaysWhy(t *testing.T) {
	server, client := certificate(t)
	_, stranger := certificate(t)
	for name, row := range map[string]struct {
		script script
		option func(*scriptedRelay)
		roots  *tls.Config
		scheme string
		why    string
	}{
		"STARTTLS stripped": {
			script: always("", ""), option: func(r *scriptedRelay) { r.extensions = []string{"AUTH PLAIN"} },
			roots: client, scheme: "smtp", why: "offers no STARTTLS",
		},
		"STARTTLS refused": {
			script: always("STARTTLS", "502 no"), option: func(r *scriptedRelay) { r.extensions = []string{"STARTTLS", "AUTH PLAIN"} },
			roots: client, scheme: "smtp", why: `502 "no"`,
		},
		"words slipped in before TLS": {
			script: always("STARTTLS", "220 go ahead\r\n250 slipped in"), option: func(r *scriptedRelay) { r.tls, r.extensions = server, []string{"STARTTLS"} },
			roots: client, scheme: "smtp", why: "sent more than its answer",
		},
		"unknown certificate": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.extensions = server, []string{"STARTTLS", "AUTH PLAIN"} },
			roots: stranger, scheme: "smtp", why: "certificate",
		},
		"unknown certificate at once": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.implicit = server, true },
			roots: stranger, scheme: "smtps", why: "certificate",
		},
		"clear where TLS is expected": {
			script: always("", ""), option: func(*scriptedRelay) {},
			roots: client, scheme: "smtps", why: "TLS",
		},
		"AUTH not offered": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.extensions = server, []string{"STARTTLS"} },
			roots: client, scheme: "smtp", why: "offers no AUTH",
		},
		"AUTH of an unknown kind": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.extensions = server, []string{"STARTTLS", "AUTH XOAUTH2"} },
			roots: client, scheme: "smtp", why: "XOAUTH2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, row.script, row.option)
			p := startPost(t, mail.RelayConfig{
				URL: row.scheme + "://user:pa55word@" + r.addr(), TLS: row.roots, ConnectTimeout: 500 * time.Millisecond,
			})
			p.queue(codeMail("m1", "ada@example.org"))
			eventually(t, row.why, func() bool { return strings.Contains(p.sender.Health().RelayReason, row.why) })
			eventually(t, "the alarm", func() bool { return strings.Contains(p.logged(), "level=error") })
			if strings.Contains(p.logged(), "pa55word") {
				t.Errorf("log: %s", p.logged())
			}
			if strings.Contains(r.said(), "AUTH") || strings.Contains(r.said(), "MAIL") {
				t.Errorf("conversation: %s", r.said())
			}
		})
	}
}

func TestRelay_AConnection_IsKeptForAHundredMails(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	for i := range 150 {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("%d@example.org", i)))
	}
	eventually(t, "all are sent", func() bool { return len(r.mails()) == 150 })
	if n := r.count(greeting); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// strangersRelay is a server that no one here wrote.
type strangersRelay struct {
	mu    sync.Mutex
	mails []string
}

func (s *strangersRelay) NewSession(*gosmtp.Conn) (gosmtp.Session, error) {
	return &strangersSession{relay: s}, nil
}

type strangersSession struct {
	relay *strangersRelay
	known bool
}

func (s *strangersSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *strangersSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "us@er" || password != "p:w" {
			return gosmtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}), nil
}

func (s *strangersSession) Mail(string, *gosmtp.MailOptions) error {
	if !s.known {
		return gosmtp.ErrAuthRequired
	}
	return nil
}

func (s *strangersSession) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "<" + to + "> is not here"}
	}
	return nil
}

func (s *strangersSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.mails = append(s.relay.mails, string(text))
	return err
}

func (s *strangersSession) Reset() {}

func (s *strangersSession) Logout() error { return nil }

func TestRelay_OfSomebodyElse_TakesTheMails(t *testing.T) {
	serverTLS, client := certificate(t)
	relay := new(strangersRelay)
	server := gosmtp.NewServer(relay)
	server.Domain, server.TLSConfig = "relay.test", serverTLS
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-served
	}()
	p := startPost(t, mail.RelayConfig{URL: "smtp://us%40er:p%3Aw@" + listener.Addr().String(), TLS: client})
	p.queue(codeMail("bad", "nobody@example.org"))
	for i := range 40 {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("%d@example.org", i)))
	}
	for i := range 40 {
		if d := p.result(fmt.Sprint(i), 1); d.State != mail.Sent {
			t.Errorf("result: %+v", d)
		}
	}
	if d := p.result("bad", 1); d.State != mail.Failed || d.Stage != mail.StageRcpt || d.Reply != "550 5.1.1 <…> is not here" {
		t.Errorf("result: %+v", d)
	}
	relay.mu.Lock()
	defer relay.mu.Unlock()
	if len(relay.mails) != 40 {
		t.Errorf("%d mails, want 40", len(relay.mails))
	}
}
