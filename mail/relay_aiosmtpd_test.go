package mail_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/mail"
)

// python runs aiosmtpd, a server that no one here wrote; `make test-kafka` puts it there.
var python = filepath.Join("..", ".cache", "aiosmtpd-1.4.6", "bin", "python")

// instructions are what one server of aiosmtpd_relay.py is told to do.
type instructions struct {
	Script map[string][]string `json:"script"`
	Auth   string              `json:"auth"`
}

func TestSender_ToAiosmtpd_FollowsTheTable(t *testing.T) {
	say := func(verb string, replies ...string) map[string][]string { return map[string][]string{verb: replies} }
	rows := []struct {
		name   string
		script map[string][]string
		auth   string
		// want are the results; one that is none of the mail's is no attempt.
		want []mail.State
		// contents is how often the mail is handed over.
		contents int
		alarm    bool
	}{
		{"PLAIN", nil, "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"LOGIN", nil, "LOGIN", []mail.State{mail.Sent}, 1, false},
		{"CRAM-MD5", nil, "CRAM-MD5", []mail.State{mail.Sent}, 1, false},
		{"EHLO 421", say("EHLO", "421 busy"), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"EHLO 550", say("EHLO", "550 not you"), "PLAIN", []mail.State{mail.Sent}, 1, true},
		{"EHLO cut", say("EHLO", cut), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"AUTH 454", say("AUTH", "454 later"), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"AUTH 535", say("AUTH", "535 wrong password"), "LOGIN", []mail.State{mail.Sent}, 1, true},
		{"MAIL 421", say("MAIL", "421 busy"), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"MAIL 451", say("MAIL", "451 later"), "PLAIN", []mail.State{mail.Retrying, mail.Sent}, 1, false},
		{"MAIL 550", say("MAIL", "550 not you"), "PLAIN", []mail.State{mail.Sent}, 1, true},
		{"MAIL cut", say("MAIL", cut), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"RCPT 421", say("RCPT", "421 busy"), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"RCPT 450", say("RCPT", "450 greylisted"), "PLAIN", []mail.State{mail.Retrying, mail.Sent}, 1, false},
		{"RCPT 550", say("RCPT", "550 nobody"), "PLAIN", []mail.State{mail.Failed}, 0, false},
		{"RCPT cut", say("RCPT", cut), "PLAIN", []mail.State{mail.Sent}, 1, false},
		{"RCPT cut twice", say("RCPT", cut, cut), "PLAIN", []mail.State{mail.Retrying, mail.Sent}, 1, false},
		{"content 421", say("DATA", "421 busy"), "PLAIN", []mail.State{mail.Sent}, 2, false},
		{"content 451", say("DATA", "451 later"), "PLAIN", []mail.State{mail.Retrying, mail.Sent}, 2, false},
		{"content 554", say("DATA", "554 spam"), "PLAIN", []mail.State{mail.Failed}, 1, false},
		{"content cut", say("DATA", cut), "PLAIN", []mail.State{mail.Uncertain, mail.Sent}, 2, false},
		{"content hang", say("DATA", hang), "PLAIN", []mail.State{mail.Uncertain, mail.Sent}, 2, false},
		{"content hang twice", say("DATA", hang, hang), "PLAIN", []mail.State{mail.Uncertain, mail.Uncertain}, 2, false},
	}
	server, client := certificate(t)
	var servers []instructions
	for _, row := range rows {
		servers = append(servers, instructions{row.script, row.auth})
	}
	relays := startAiosmtpd(t, server, servers)
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			to := mail.RelayConfig{URL: fmt.Sprintf("smtp://user:pa55word@127.0.0.1:%d", relays.ports[i]), TLS: client, SendTimeout: patience, ContentTimeout: patience}
			if strings.Contains(row.name, hang) {
				to.ContentTimeout = 2 * time.Second
			}
			p := startPost(t, to)
			p.mu.Lock()
			p.early = true
			p.mu.Unlock()
			p.queue(codeMail("m1", "ada@example.org"))
			p.result("m1", len(row.want))
			p.stop()
			if got := p.states("m1"); !slices.Equal(got, row.want) {
				t.Errorf("results: %v, want %v", got, row.want)
			}
			if alarm := strings.Contains(p.logged(), "level=error"); alarm != row.alarm {
				t.Errorf("alarm: %s", p.logged())
			}
			if ids := relays.contents(relays.ports[i]); len(ids) != row.contents || len(slices.Compact(ids)) > 1 {
				t.Errorf("contents: %v, want %d of one Message-ID", ids, row.contents)
			}
		})
	}
}

// aiosmtpd is a running aiosmtpd_relay.py.
type aiosmtpd struct {
	ports []int

	mu  sync.Mutex
	ids map[int][]string
}

// contents are the Message-IDs that came to a port.
func (a *aiosmtpd) contents(port int) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ids[port])
}

func startAiosmtpd(t *testing.T, with *tls.Config, servers []instructions) *aiosmtpd {
	t.Helper()
	if _, err := os.Stat(python); err != nil {
		t.Skip("aiosmtpd is missing, make test-kafka installs it")
	}
	key, err := x509.MarshalPKCS8PrivateKey(with.Certificates[0].PrivateKey)
	must(t, err)
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"certificate": {Type: "CERTIFICATE", Bytes: with.Certificates[0].Certificate[0]},
		"key":         {Type: "PRIVATE KEY", Bytes: key},
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	script, err := json.Marshal(servers)
	must(t, err)
	cmd := exec.Command(python, filepath.Join("testdata", "aiosmtpd_relay.py"), filepath.Join(dir, "certificate"), filepath.Join(dir, "key"), string(script))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	a := &aiosmtpd{ids: make(map[int][]string)}
	lines := bufio.NewScanner(stdout)
	ended := make(chan struct{})
	t.Cleanup(func() {
		stdin.Close()
		<-ended
		_ = cmd.Wait()
	})
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &a.ports) != nil {
		close(ended)
		t.Fatalf("aiosmtpd does not start: %s", lines.Text())
	}
	go func() {
		defer close(ended)
		for lines.Scan() {
			var content struct {
				Port int
				ID   string
			}
			if json.Unmarshal(lines.Bytes(), &content) == nil {
				a.mu.Lock()
				a.ids[content.Port] = append(a.ids[content.Port], content.ID)
				a.mu.Unlock()
			}
		}
	}()
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
