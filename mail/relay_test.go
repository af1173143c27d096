package mail_test

import (
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
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
	another, trustsAnother := certificate(t, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.test"} })
	old, trustsOld := certificate(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
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
		"a certificate of another name": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.extensions = another, []string{"STARTTLS", "AUTH PLAIN"} },
			roots: trustsAnother, scheme: "smtp", why: "cannot validate certificate for 127.0.0.1",
		},
		"a certificate of another name at once": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.implicit = another, true },
			roots: trustsAnother, scheme: "smtps", why: "cannot validate certificate for 127.0.0.1",
		},
		"an expired certificate": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.extensions = old, []string{"STARTTLS", "AUTH PLAIN"} },
			roots: trustsOld, scheme: "smtp", why: "expired",
		},
		"an expired certificate at once": {
			script: always("", ""), option: func(r *scriptedRelay) { r.tls, r.implicit = old, true },
			roots: trustsOld, scheme: "smtps", why: "expired",
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

func TestRelay_NotOnThisMachine_IsSpokenToInClearOnlyWhereThatIsPermitted(t *testing.T) {
	host := elsewhere(t)
	for insecure, want := range map[bool]bool{false: false, true: true} {
		r := startRelay(t, always("", ""), listensOn(t, host))
		p := startPost(t, mail.RelayConfig{URL: "smtp://" + r.addr(), Insecure: insecure, ConnectTimeout: patience})
		p.queue(codeMail("m1", "ada@example.org"))
		if want {
			if d := p.result("m1", 1); d.State != mail.Sent {
				t.Errorf("insecure: %+v", d)
			}
			continue
		}
		eventually(t, "the alarm", func() bool { return strings.Contains(p.logged(), "level=error") })
		if why := p.sender.Health().RelayReason; !strings.Contains(why, "offers no STARTTLS") || r.count("MAIL") != 0 {
			t.Errorf("%d mails, reason: %s", r.count("MAIL"), why)
		}
		p.stop()
	}
}

func TestRelay_EachWayToLogIn_IsSpoken(t *testing.T) {
	encode := func(words string) string { return base64.StdEncoding.EncodeToString([]byte(words)) }
	const challenge = "<1896.697170952@relay.test>"
	digest := hmac.New(md5.New, []byte("pa55word"))
	digest.Write([]byte(challenge))
	for offered, row := range map[string]struct{ answers, said []string }{
		"PLAIN":       {[]string{"235 welcome"}, []string{"AUTH PLAIN " + encode("\x00user\x00pa55word")}},
		"LOGIN":       {[]string{"334 " + encode("Password:"), "235 welcome"}, []string{"AUTH LOGIN " + encode("user"), encode("pa55word")}},
		"CRAM-MD5":    {[]string{"334 " + encode(challenge), "235 welcome"}, []string{"AUTH CRAM-MD5", encode(fmt.Sprintf("user %x", digest.Sum(nil)))}},
		"LOGIN PLAIN": {[]string{"235 welcome"}, []string{"AUTH PLAIN"}},
	} {
		t.Run(offered, func(t *testing.T) {
			r := startRelay(t, logIn(row.answers), func(r *scriptedRelay) { r.extensions = []string{"AUTH " + offered} })
			p := startPost(t, mail.RelayConfig{URL: "smtp://user:pa55word@" + r.addr()})
			p.queue(codeMail("m1", "ada@example.org"))
			if d := p.result("m1", 1); d.State != mail.Sent {
				t.Errorf("result: %+v", d)
			}
			if !strings.Contains(r.said(), strings.Join(row.said, "\n")) {
				t.Errorf("conversation: %s", r.said())
			}
		})
	}
}

// logIn answers AUTH and what follows it up to MAIL.
func logIn(answers []string) script {
	next := 0
	return func(verb string, _ int) string {
		switch {
		case verb == "AUTH":
			next = 0
		case verb == greeting || verb == "EHLO" || verb == "MAIL" || next == 0 || next >= len(answers):
			return usual
		}
		next++
		return answers[next-1]
	}
}

func TestRelay_InClearBeyondThisMachine_GivesNoPasswordAway(t *testing.T) {
	host := elsewhere(t)
	for offered, want := range map[string]string{"PLAIN LOGIN": "504 5.5.4 no such way", "PLAIN LOGIN CRAM-MD5": ""} {
		t.Run(offered, func(t *testing.T) {
			answers := []string{cmp.Or(want, "334 "+base64.StdEncoding.EncodeToString([]byte("<1@relay.test>"))), "235 welcome"}
			r := startRelay(t, logIn(answers), listensOn(t, host), func(r *scriptedRelay) { r.extensions = []string{"AUTH " + offered} })
			p := startPost(t, mail.RelayConfig{URL: "smtp://user:pa55word@" + r.addr(), Insecure: true})
			p.queue(codeMail("m1", "ada@example.org"))
			if want == "" {
				p.result("m1", 1)
			} else {
				eventually(t, want, func() bool { return strings.Contains(p.sender.Health().RelayReason, "only CRAM-MD5 may be spoken") })
			}
			for _, line := range strings.Split(r.said(), "\n") {
				plain, _ := base64.StdEncoding.DecodeString(line[strings.LastIndexByte(line, ' ')+1:])
				if strings.Contains(line, "pa55word") || strings.Contains(string(plain), "pa55word") {
					t.Errorf("gave it away: %s", line)
				}
			}
		})
	}
}

// listensOn moves a relay to another host.
func listensOn(t *testing.T, host string) func(*scriptedRelay) {
	return func(r *scriptedRelay) {
		var err error
		r.listener.Close()
		if r.listener, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			t.Fatal(err)
		}
	}
}

// elsewhere is an address of this machine that is not loopback.
func elsewhere(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			return network.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

func TestRelay_ThatRepeatsWhatItWasSent_IsNotQuoted(t *testing.T) {
	repeated := base64.StdEncoding.EncodeToString([]byte("\x00user\x00pa55word"))
	r := startRelay(t, always("AUTH", "535 "+repeated+" pa55word is wrong"), func(r *scriptedRelay) { r.extensions = []string{"AUTH PLAIN"} })
	p := startPost(t, mail.RelayConfig{URL: "smtp://user:pa55word@" + r.addr()})
	p.queue(codeMail("m1", "ada@example.org"))
	eventually(t, "the alarm", func() bool { return strings.Contains(p.logged(), "level=error") })
	for _, told := range []string{p.logged(), p.sender.Health().RelayReason} {
		if strings.Contains(told, repeated) || strings.Contains(told, "pa55word") || !strings.Contains(told, "is wrong") {
			t.Errorf("told: %s", told)
		}
	}
}

func TestRelay_ThatQuotesALinkWithoutItsBeginning_IsNotQuoted(t *testing.T) {
	r := startRelay(t, always(content, "554 example.com/#handle.sesame looks bad, and so does "+secretCode))
	p := startPost(t, plain(r))
	p.queue(codeMail("m1", "ada@example.org"))
	if d := p.result("m1", 1); d.State != mail.Failed || d.Reply != "554 example.com/#… looks bad, and so does …" || strings.Contains(p.logged(), "sesame") {
		t.Errorf("result: %+v, log: %s", d, p.logged())
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

func TestRelay_HearsTheNameThatIsSet_InClearAndEncrypted(t *testing.T) {
	for set, want := range map[string]string{"mx.example.com": "EHLO mx.example.com", "": "EHLO localhost"} {
		to := mail.RelayConfig{Hello: set}
		r := startRelay(t, always("", ""), func(r *scriptedRelay) {
			r.extensions = []string{"STARTTLS"}
			r.tls, to.TLS = certificate(t)
		})
		to.URL = "smtp://" + r.addr()
		p := startPost(t, to)
		p.queue(codeMail("m1", "ada@example.org"))
		p.result("m1", 1)
		if said := r.said(); strings.Count(said, want+"\n") != 2 || strings.Count(said, "EHLO") != 2 {
			t.Errorf("set to %q, it heard:\n%s", set, said)
		}
	}
}
