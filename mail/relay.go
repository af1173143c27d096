// Rules of a connection to the relay:
//   - it is encrypted (STARTTLS on smtp, at once on smtps), and the relay's certificate is verified; only a relay on this
//     machine, or one declared insecure, is spoken to in clear;
//   - STARTTLS is spoken here and not by the library, which would go on in clear where it is not offered;
//   - with credentials it is authenticated or not used; beyond this machine none leave in clear: there only CRAM-MD5 will do;
//   - every step is bounded by a deadline on the connection itself.

package mail

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	smtp "github.com/xhit/go-simple-mail/v2"
)

// Relay is an SMTP server that takes mails from us.
type Relay struct {
	host               string
	port               int
	username, password string
	// secrets must not appear in what is told about a conversation: a relay may repeat what it was sent.
	secrets        []string
	implicitTLS    bool
	clear          bool
	tls            *tls.Config
	hello          string // empty: by the address
	connectTimeout time.Duration
	sendTimeout    time.Duration
	contentTimeout time.Duration
	idleTimeout    time.Duration
	maxAge         time.Duration
}

// RelayConfig describes a relay.
type RelayConfig struct {
	// URL is smtp://user:password@host:587 or smtps://user:password@host:465; credentials and port may be left out.
	// Errors name it SMTP_URL and never quote it.
	URL string
	// Insecure permits speaking in clear to a relay that is not on this machine.
	Insecure bool
	// TLS is the base of the TLS configuration; where it is given, every relay must speak TLS. Defaults to the system's
	// roots.
	TLS *tls.Config
	// Hello is what we call ourselves in EHLO: a full name or an address literal. Defaults to "localhost" for a relay on this
	// machine, else to the machine's name where it is a full one, else to our address. Errors name it SMTP_HELLO.
	Hello string
	// ConnectTimeout bounds dial, TLS, EHLO and AUTH together. Defaults to 10 s.
	ConnectTimeout time.Duration
	// SendTimeout bounds one mail's conversation up to its content. Defaults to 60 s.
	SendTimeout time.Duration
	// ContentTimeout bounds the content and the wait for its answer. RFC 5321 §4.5.3.2.6 asks for 10 min, because who gives
	// up earlier sends a mail twice; they are all that a code lives. Defaults to 3 min, which leave time for a second attempt.
	ContentTimeout time.Duration
	// IdleTimeout is how long a connection is kept without a mail. A relay should wait 5 min (RFC 5321 §4.5.3.2.7), which many
	// do not. Defaults to 20 s.
	IdleTimeout time.Duration
	// MaxAge is how long a connection is kept at all: a relay behind a changed address is found again. Defaults to 5 min.
	MaxAge time.Duration
}

var (
	errNoSTARTTLS = errors.New("the relay offers no STARTTLS (SMTP_INSECURE=true permits speaking in clear)")
	errNoAUTH     = errors.New("the relay offers no AUTH, and SMTP_URL has credentials")
	errCalledOff  = errors.New("called off")
	errInjected   = errors.New("the relay sent more than its answer to STARTTLS in clear")
)

// NewRelay reads the URL. It does not connect.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	r := &Relay{
		connectTimeout: cmp.Or(cfg.ConnectTimeout, 10*time.Second), sendTimeout: cmp.Or(cfg.SendTimeout, time.Minute),
		contentTimeout: cmp.Or(cfg.ContentTimeout, 3*time.Minute),
		idleTimeout:    cmp.Or(cfg.IdleTimeout, 20*time.Second), maxAge: cmp.Or(cfg.MaxAge, 5*time.Minute),
	}
	if err := r.read(cfg.URL); err != nil {
		return nil, fmt.Errorf("SMTP_URL: %w", err)
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "" // as one without a full name
	}
	if r.hello, err = helloTo(r.host, cfg.Hello, machine); err != nil {
		return nil, err
	}
	r.clear = !r.implicitTLS && cfg.TLS == nil && (cfg.Insecure || loopback(r.host))
	r.tls = cfg.TLS.Clone()
	if r.tls == nil {
		r.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	r.tls.ServerName = r.host
	return r, nil
}

// read takes the URL apart. url.Parse's own errors quote it, password included, so none is passed on.
func (r *Relay) read(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must look like smtp://user:password@host:587 or smtps://user:password@host:465, special characters percent-encoded")
	}
	switch u.Scheme {
	case "smtp":
		r.port = 587
	case "smtps":
		r.port, r.implicitTLS = 465, true
	default:
		return fmt.Errorf("scheme %q is neither smtp nor smtps", u.Scheme)
	}
	if p := u.Port(); p != "" {
		if r.port, err = strconv.Atoi(p); err != nil || r.port < 1 || r.port > 65535 {
			return errors.New("the port is no number between 1 and 65535")
		}
	}
	r.host, r.username = u.Hostname(), u.User.Username()
	r.password, _ = u.User.Password()
	if (r.username == "") != (r.password == "") {
		return errors.New("credentials need both a user and a password")
	}
	if r.password != "" {
		for _, secret := range []string{r.password, "\x00" + r.username + "\x00" + r.password} {
			r.secrets = append(r.secrets, secret, base64.StdEncoding.EncodeToString([]byte(secret)))
		}
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// connection is one conversation with the relay. It belongs to one goroutine.
type connection struct {
	// raw is the TCP connection below everything; closing it is what ends a hanging conversation.
	raw  net.Conn
	wire *wire
	// client opened the conversation and ends it.
	client  *smtp.SMTPClient
	answers *textproto.Reader
	// sendTimeout and contentTimeout are the relay's.
	sendTimeout, contentTimeout time.Duration
	// said is what was written last, unheard how many commands are not answered yet.
	said    []byte
	unheard int
	opened  time.Time
	mails   int
	// broken means that the conversation is not where the next mail could begin.
	broken bool
}

// open connects, encrypts and authenticates, unless the mail is called off.
func (r *Relay) open(of *recall) (*connection, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.connectTimeout)
	defer cancel()
	if !of.begins(cancel) {
		return nil, errCalledOff
	}
	defer of.over()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(r.host, strconv.Itoa(r.port)))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, err := r.greet(ctx, raw)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

func (r *Relay) greet(ctx context.Context, raw net.Conn) (*connection, error) {
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	w, hello := newWire(raw), r.helloOn(raw)
	if !r.clear {
		if !r.implicitTLS {
			if err := r.startTLS(w, hello); err != nil {
				return nil, fmt.Errorf("start TLS: %w", err)
			}
		}
		encrypted := tls.Client(raw, r.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		w = newWire(encrypted)
		if !r.implicitTLS {
			w.greeted("220 " + r.host) // The library expects to read it first; the relay says it once.
		}
	}
	server := smtp.NewSMTPClient()
	server.Host, server.Port = r.host, r.port
	server.Helo = hello
	server.Encryption = smtp.EncryptionNone
	server.Authentication = smtp.AuthAuto
	if r.clear && !loopback(r.host) {
		server.Authentication = smtp.AuthCRAMMD5 // Everything else gives the password away.
	}
	server.Username, server.Password = r.username, r.password
	server.KeepAlive = true
	server.ConnectTimeout, server.SendTimeout = 0, 0 // Its own timeouts leak a goroutine or deadlock.
	server.CustomConn = w
	client, err := server.Connect()
	if err != nil {
		if w.authenticated && server.Authentication == smtp.AuthCRAMMD5 {
			err = fmt.Errorf("in clear only CRAM-MD5 may be spoken: %w", err)
		}
		return nil, err
	}
	if r.username != "" && !w.authenticated {
		return nil, errNoAUTH
	}
	return &connection{
		raw: raw, wire: w, client: client, answers: textproto.NewReader(bufio.NewReader(w)), opened: time.Now(),
		sendTimeout: r.sendTimeout, contentTimeout: r.contentTimeout,
	}, nil
}

// startTLS speaks SMTP in clear up to the answer to STARTTLS (RFC 3207). Nothing but EHLO and STARTTLS leaves in clear.
func (r *Relay) startTLS(w *wire, hello string) error {
	text := textproto.NewConn(w)
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	if err := text.PrintfLine("EHLO %s", hello); err != nil {
		return err
	}
	_, extensions, err := text.ReadResponse(250)
	if err != nil {
		return err
	}
	if !strings.Contains("\n"+strings.ToUpper(extensions)+"\n", "\nSTARTTLS\n") {
		return errNoSTARTTLS
	}
	if err := text.PrintfLine("STARTTLS"); err != nil {
		return err
	}
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	if w.heard.Buffered() > 0 {
		return errInjected
	}
	return nil
}

// send hands one message over and says what came of it. No content leaves after deadline.
func (c *connection) send(of *recall, m Message, deadline time.Time) outcome {
	if !of.begins(c.hangUp) {
		return outcome{verdict: lost, stage: StageMail}
	}
	c.mails++
	out := outcome{verdict: accepted, answered: true}
	stage, taken, err := c.converse(of, m, deadline)
	out.stage, out.reply = stage, "250 "+unnamed(taken, m.To)
	c.broken = false
	if err != nil {
		out.reply = ended(err)
		var answer *textproto.Error
		out.answered = errors.As(err, &answer)
		switch {
		case out.answered:
			out.verdict = judge(stage, answer.Code)
			out.reply = fmt.Sprintf("%d %s", answer.Code, unnamed(answer.Msg, m.To))
		case stage == StageContent && !c.wire.torn:
			out.verdict = unanswered
		default:
			out.verdict = lost
		}
		// After an answer that is none of SMTP's the two sides may not agree on where they are.
		c.broken = !out.answered || out.verdict == ill || out.verdict == unanswered || c.reset() != nil
	}
	out.reply = tidy(out.reply, m.secrets)
	c.broken = !of.over() || c.broken
	return out
}

// hangUp ends the conversation, whatever it waits for.
func (c *connection) hangUp() { c.raw.Close() }

// quit says goodbye.
func (c *connection) quit() {
	_ = c.raw.SetDeadline(time.Now().Add(courtesy))
	_ = c.client.Quit()
}
