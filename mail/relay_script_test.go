package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The verbs at which a scripted relay may answer otherwise, besides SMTP's own.
const (
	greeting = "greeting"
	content  = "content"
)

// What a script may answer besides a reply line.
const (
	usual   = ""
	hang    = "hang"
	cut     = "cut"
	slow    = "slow"    // as usual, after a while
	stall   = "stall"   // a byte now and then, never a whole line
	partial = "partial" // the beginning of a good answer, then cut
	endless = "endless" // a line without end
)

// slowly is how long a slow answer takes.
const slowly = 600 * time.Millisecond

// script answers the nth (from 0) occurrence of a verb; usual leaves the answer to the relay.
type script func(verb string, nth int) string

// always answers every occurrence of a verb alike.
func always(verb, answer string) script {
	return func(v string, _ int) string {
		if v == verb {
			return answer
		}
		return usual
	}
}

// once answers the first occurrence of a verb.
func once(verb, answer string) script {
	return func(v string, nth int) string {
		if v == verb && nth == 0 {
			return answer
		}
		return usual
	}
}

// scriptedRelay is an SMTP server that misbehaves as it is told.
type scriptedRelay struct {
	t          testing.TB
	listener   net.Listener
	tls        *tls.Config
	implicit   bool
	extensions []string
	done       chan struct{}
	goroutines sync.WaitGroup

	mu       sync.Mutex
	script   script
	counts   map[string]int
	commands []string
	accepted []string
	piped    int
	conns    map[net.Conn]struct{}
}

func startRelay(t testing.TB, s script, options ...func(*scriptedRelay)) *scriptedRelay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &scriptedRelay{t: t, listener: listener, script: s, counts: make(map[string]int), conns: make(map[net.Conn]struct{}), done: make(chan struct{})}
	for _, option := range options {
		option(r)
	}
	if r.implicit {
		r.listener = tls.NewListener(listener, r.tls)
	}
	r.goroutines.Go(func() {
		for {
			conn, err := r.listener.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns[conn] = struct{}{}
			r.mu.Unlock()
			r.goroutines.Go(func() {
				defer conn.Close()
				r.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		close(r.done)
		r.listener.Close() // an option may have moved it
		r.cutAll()
		r.goroutines.Wait()
	})
	return r
}

func (r *scriptedRelay) addr() string { return r.listener.Addr().String() }

// cutAll ends all conversations.
func (r *scriptedRelay) cutAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.conns {
		conn.Close()
	}
}

// follow changes the script.
func (r *scriptedRelay) follow(s script) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = s
}

// count tells how often a verb came.
func (r *scriptedRelay) count(verb string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[verb]
}

// mails are the contents answered 2yz.
func (r *scriptedRelay) mails() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.accepted)
}

// pipelined is how many mails came with more than MAIL at once.
func (r *scriptedRelay) pipelined() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.piped
}

// said is everything that came outside of contents.
func (r *scriptedRelay) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.commands, "\n")
}

// repeat writes the same again and again, until nobody listens or the test ends.
func (r *scriptedRelay) repeat(conn net.Conn, words string, pause time.Duration) {
	for {
		select {
		case <-r.done:
			return
		case <-time.After(pause):
		}
		if _, err := io.WriteString(conn, words); err != nil {
			return
		}
	}
}

func (r *scriptedRelay) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	var text strings.Builder
	// answer returns what the script or else the relay says to a command, none for what is no command's, and whether to go on.
	// To the script the command is the last: no other conversation's comes between.
	answer := func(verb, command, otherwise string) (string, bool) {
		r.mu.Lock()
		if command != "" {
			r.commands = append(r.commands, command)
		}
		reply := r.script(verb, r.counts[verb])
		r.counts[verb]++
		r.mu.Unlock()
		switch reply {
		case hang:
			<-r.done
			return "", false
		case cut:
			return "", false
		case slow:
			select {
			case <-time.After(slowly):
			case <-r.done:
			}
			reply = otherwise
		case partial:
			_, _ = io.WriteString(conn, "250 o")
			return "", false
		case stall:
			r.repeat(conn, "2", 10*time.Millisecond)
			return "", false
		case endless:
			r.repeat(conn, "250 "+strings.Repeat("x", 1000), 0)
			return "", false
		case usual:
			reply = otherwise
		}
		if verb == content && strings.HasPrefix(reply, "2") { // before the sender knows
			r.mu.Lock()
			r.accepted = append(r.accepted, text.String())
			r.mu.Unlock()
		}
		_, err := io.WriteString(conn, reply+"\r\n")
		return reply, err == nil
	}
	if _, ok := answer(greeting, "", "220 relay.test"); !ok {
		return
	}
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(line, " ")
		if verb == "MAIL" && reader.Buffered() > 0 {
			r.mu.Lock()
			r.piped++
			r.mu.Unlock()
		}
		otherwise := "250 ok"
		switch verb {
		case "EHLO":
			otherwise = strings.Join(append([]string{"250-relay.test"}, r.extensions...), "\r\n250-")
			otherwise += "\r\n250 8BITMIME"
		case "STARTTLS":
			otherwise = "220 go ahead"
		case "AUTH":
			otherwise = "235 welcome"
		case "DATA":
			otherwise = "354 go ahead"
		case "QUIT":
			otherwise = "221 bye"
		}
		reply, ok := answer(verb, line, otherwise)
		if !ok || verb == "QUIT" {
			return
		}
		switch {
		case verb == "STARTTLS" && strings.HasPrefix(reply, "220"):
			encrypted := tls.Server(conn, r.tls)
			if encrypted.Handshake() != nil {
				return
			}
			conn, reader = encrypted, bufio.NewReader(encrypted)
		case verb == "DATA" && strings.HasPrefix(reply, "354"):
			text.Reset()
			for {
				line, err := reader.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			if _, ok := answer(content, "", "250 queued"); !ok {
				return
			}
		}
	}
}

// certificate makes a self-signed certificate for 127.0.0.1, and the roots that trust it.
func certificate(t testing.TB, changes ...func(*x509.Certificate)) (server *tls.Config, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	for _, change := range changes {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
