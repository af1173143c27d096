package e2e

// A mail server that can hold a conversation at any stage, and knows what it took:
//   - a mail is taken when its content is there, whether or not the 250 leaves: that is the worst a relay can do;
//   - who is held goes on when the stage is released, and is cut off when he is to lose the answer.

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Stages of a conversation, each before its answer; afterwards is behind the 250, before anybody can have recorded it.
const (
	atBanner   = "banner"
	atEHLO     = "EHLO"
	atSTARTTLS = "STARTTLS"
	atAUTH     = "AUTH"
	atMAIL     = "MAIL"
	atRCPT     = "RCPT"
	atDATA     = "DATA"
	atContent  = "content"
	afterwards = "250"
	atQUIT     = "QUIT"
)

func stages() []string {
	return []string{atBanner, atEHLO, atSTARTTLS, atAUTH, atMAIL, atRCPT, atDATA, atContent, afterwards, atQUIT}
}

type stagedRelay struct {
	address string
	close   func() // ends every conversation; who is held must have been let go
	tls     *tls.Config
	caFile  string // who trusts it trusts the relay

	mu      sync.Mutex
	taken   map[string]map[string]int // by recipient and Message-ID
	hold    string                    // the stage, if any
	held    chan struct{}             // gets a word when one is held
	release chan struct{}             // closed: nobody is held
	cutting int                       // how many more contents get no answer
	lost    map[string]int            // how many got none, by recipient
	slow    bool                      // one content in so many is answered late
	mails   int
	last    map[string]time.Time // when a mail was last taken, by recipient
}

// newStagedRelay is open until the test ends.
func newStagedRelay(t *testing.T) *stagedRelay {
	t.Helper()
	web := httptest.NewTLSServer(http.NotFoundHandler()) // has a certificate
	web.Close()
	r := &stagedRelay{
		address: freeAddress(t), tls: web.TLS, caFile: filepath.Join(t.TempDir(), "ca.pem"),
		taken: map[string]map[string]int{}, lost: map[string]int{}, last: map[string]time.Time{}, release: make(chan struct{}),
	}
	check(t, os.WriteFile(r.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600))
	r.open(t)
	t.Cleanup(func() {
		r.letGo()
		r.close()
	})
	return r
}

// open listens and converses until close.
func (r *stagedRelay) open(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", r.address)
	check(t, err)
	var conversations sync.WaitGroup
	open, over := map[net.Conn]bool{}, false
	conversations.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			open[conn] = true
			if over {
				conn.Close()
			}
			r.mu.Unlock()
			conversations.Go(func() {
				defer func() {
					conn.Close()
					r.mu.Lock()
					delete(open, conn)
					r.mu.Unlock()
				}()
				r.converse(conn)
			})
		}
	})
	r.close = func() {
		l.Close()
		r.mu.Lock()
		over = true
		for conn := range open {
			conn.Close()
		}
		r.mu.Unlock()
		conversations.Wait()
	}
}

// holdAt has the next conversations stop at a stage, until letGo. The channel gets a word when one stands there.
func (r *stagedRelay) holdAt(stage string) (held <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hold, r.held, r.release = stage, make(chan struct{}, 1), make(chan struct{})
	return r.held
}

func (r *stagedRelay) letGo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hold != "" {
		r.hold = ""
		close(r.release)
	}
}

// cut has the next n mails taken, and their conversations ended without an answer.
func (r *stagedRelay) cut(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cutting = n
}

// One content in slowOnce is answered slowly by a relay that is slow, as behind a filter.
const (
	slowOnce = 100
	slowly   = 2 * time.Second
)

// isSlow has contents that come from now on answered slowly, now and then.
func (r *stagedRelay) isSlow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow = true
}

// ponders says whether the answer to a content takes its time.
func (r *stagedRelay) ponders() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mails++
	return r.slow && r.mails%slowOnce == 0
}

// at stops a conversation that is at the stage to be held.
func (r *stagedRelay) at(stage string) {
	r.mu.Lock()
	if r.hold != stage {
		r.mu.Unlock()
		return
	}
	release := r.release
	select {
	case r.held <- struct{}{}:
	default:
	}
	r.mu.Unlock()
	<-release
}

// take notes a mail, and says whether it gets an answer.
func (r *stagedRelay) take(to, messageID string) (answered bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken[to] == nil {
		r.taken[to] = map[string]int{}
	}
	r.taken[to][messageID]++
	r.last[to] = time.Now()
	if r.cutting == 0 {
		return true
	}
	r.cutting--
	r.lost[to]++
	return false
}

func (r *stagedRelay) converse(conn net.Conn) {
	in := textproto.NewReader(bufio.NewReader(conn))
	say := func(reply string) bool {
		_, err := fmt.Fprint(conn, reply, "\r\n")
		return err == nil
	}
	r.at(atBanner)
	if !say("220 staged.test") {
		return
	}
	var to string
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		r.at(verb)
		reply := "250 ok"
		switch verb {
		case atRCPT:
			to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
		case atEHLO:
			reply = "250-staged.test\r\n250-STARTTLS\r\n250 AUTH PLAIN"
		case atSTARTTLS:
			if !say("220 go ahead") {
				return
			}
			conn = tls.Server(conn, r.tls)
			in = textproto.NewReader(bufio.NewReader(conn))
			continue
		case atAUTH:
			reply = "235 welcome"
		case atQUIT:
			say("221 bye")
			return
		case atDATA:
			if !say("354 go ahead") {
				return
			}
			text, err := in.ReadDotLines()
			if err != nil {
				return
			}
			r.at(atContent)
			if !r.take(to, messageIDIn(text)) {
				return
			}
			if r.ponders() {
				time.Sleep(slowly)
			}
			if !say(reply) {
				return
			}
			r.at(afterwards)
			continue
		}
		if !say(reply) {
			return
		}
	}
}

func messageIDIn(text []string) string {
	for _, line := range text {
		if id, ok := strings.CutPrefix(line, "Message-ID: "); ok {
			return id
		}
	}
	return ""
}
