package inbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	netsmtp "net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"countersign/app/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const letter = "From: Countersign <no-reply@example.com>\r\n" +
	"To: <ada@example.org>\r\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n123456 is your =\r\ncode =E2=80=93 use it.\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+MTIzNDU2PC9wPg==\r\n--b--\r\n"

func TestInbox_AMail_IsShownDecodedWithItsEnvelope(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	send(t, in, "ada@example.org", letter)

	messages := list(t, in, "messages")
	if len(messages) != 1 {
		t.Fatalf("%d messages, want 1", len(messages))
	}
	m := messages[0]
	if m.ID == "" || m.ReceivedAt.IsZero() || m.From != "bounce@example.com" || strings.Join(m.To, " ") != "ada@example.org" {
		t.Errorf("envelope: %+v", m)
	}
	if m.Subject != "Grüße" || m.Text != "123456 is your code – use it." || m.HTML != "<p>123456</p>" {
		t.Errorf("content: %+v", m)
	}
}

func TestInbox_APictureThatComesWithAMail_IsShownInIt(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	send(t, in, "ada@example.org", "Content-Type: multipart/related; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:logo@example\" alt=\"\">\r\n"+
		"--b\r\nContent-Type: image/gif\r\nContent-ID: <logo@example>\r\nContent-Transfer-Encoding: base64\r\n\r\nR0lG\r\nODlh\r\n--b--\r\n")
	if m := list(t, in, "messages")[0]; m.HTML != `<img src="data:image/gif;base64,R0lGODlh" alt="">` {
		t.Errorf("shown as %s", m.HTML)
	}
}

func TestInbox_WhatIsNoMail_IsShownAsText(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	send(t, in, "ada@example.org", "no header at all\r\n")
	if m := list(t, in, "messages")[0]; !strings.Contains(m.Text, "no header at all") {
		t.Errorf("text: %q", m.Text)
	}
}

func TestInbox_AMailThatComesTwice_IsShownTwiceNewestFirst(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	send(t, in, "first@example.org", letter)
	send(t, in, "second@example.org", letter)
	messages := list(t, in, "messages")
	if len(messages) != 2 || messages[0].To[0] != "second@example.org" {
		t.Errorf("messages: %+v", messages)
	}
	if to := list(t, in, "messages?to="+url.QueryEscape("Second@Example.ORG")); len(to) == 0 || to[0].ID != messages[0].ID {
		t.Errorf("to one recipient: %v", to)
	}
	if to := list(t, in, "messages?to=nobody@example.com"); len(to) != 0 {
		t.Errorf("to nobody: %v", to)
	}
	if limited := list(t, in, "messages?limit=1"); len(limited) != 1 || limited[0].ID != messages[0].ID {
		t.Errorf("limited: %+v", limited)
	}
}

func TestInbox_AfterARestart_AllMailsAreThere(t *testing.T) {
	dir := t.TempDir()
	in, stop := start(t, inbox.Config{Dir: dir})
	send(t, in, "first@example.org", letter)
	before := list(t, in, "messages")
	stop()

	// A crash in the middle of a write leaves a line without its end.
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":2,"rece`); err != nil {
		t.Fatal(err)
	}
	f.Close()

	for range 2 {
		in, stop = start(t, inbox.Config{Dir: dir})
		if after := list(t, in, "messages"); len(after) < 1 || fmt.Sprint(after[len(after)-1]) != fmt.Sprint(before[0]) {
			t.Fatalf("after restart %+v, want %+v last", after, before[0])
		}
		send(t, in, "second@example.org", letter)
		stop()
	}
	in, _ = start(t, inbox.Config{Dir: dir})
	if after := list(t, in, "messages"); len(after) != 3 {
		t.Errorf("%d messages after two more, want 3", len(after))
	}
}

func TestInbox_BeyondItsBound_KeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	in, stop := start(t, inbox.Config{Dir: dir, Keep: 3})
	for i := range 11 {
		send(t, in, fmt.Sprintf("%d@example.org", i), letter)
	}
	want := fmt.Sprint(list(t, in, "messages"))
	stop()
	in, _ = start(t, inbox.Config{Dir: dir, Keep: 3})
	messages := list(t, in, "messages")
	if len(messages) != 3 || messages[0].To[0] != "10@example.org" || fmt.Sprint(messages) != want {
		t.Errorf("messages: %+v, want %s", messages, want)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) > 2 {
		t.Errorf("files: %v", files)
	}
}

func TestInbox_ManyAtOnce_AllAreKept(t *testing.T) {
	dir := t.TempDir()
	in, stop := start(t, inbox.Config{Dir: dir})
	var senders sync.WaitGroup
	for s := range 8 {
		senders.Go(func() {
			for i := range 25 {
				send(t, in, fmt.Sprintf("%d.%d@example.org", s, i), letter)
			}
		})
	}
	senders.Wait()
	stop()
	in, _ = start(t, inbox.Config{Dir: dir})
	seen := make(map[string]bool)
	for _, m := range list(t, in, "messages") {
		seen[m.ID+m.To[0]] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d mails, want 200", len(seen))
	}
}

func TestInbox_ATakenPort_IsAnError(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	if _, err := inbox.New(inbox.Config{Addr: in.Addr(), Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error: %v", err)
	}
}

func TestPage_PolicyForbidsEverythingInline(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	send(t, in, "ada@example.org", letter)
	for path, want := range map[string]string{
		"/":                "<title>Inbox",
		"/inbox.css":       "prefers-color-scheme",
		"/inbox.js":        "sandboxed",
		"/messages/1/html": "<p>123456</p>",
	} {
		answer := get(in, path)
		body, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %.80s", path, answer.Status, body)
		}
		policy := answer.Header.Get("Content-Security-Policy")
		isMail := strings.HasSuffix(path, "html")
		if strings.Contains(policy, "unsafe-inline") != isMail || strings.HasPrefix(policy, "sandbox") != isMail {
			t.Errorf("%s: policy %q", path, policy)
		}
		if strings.Contains(string(body), "<script>") || strings.Contains(string(body), " style=") && !isMail {
			t.Errorf("%s: has something inline", path)
		}
	}
	if answer := get(in, "/messages/2/html"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("unknown mail: %s", answer.Status)
	}
	if answer := get(in, "/messages?limit=x"); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("bad limit: %s", answer.Status)
	}
}

func TestPage_AskedAgainWithoutNews_SendsNoBody(t *testing.T) {
	in, _ := start(t, inbox.Config{Dir: t.TempDir()})
	first := get(in, "/messages")
	if body, _ := io.ReadAll(first.Body); strings.TrimSpace(string(body)) != "[]" {
		t.Errorf("an empty inbox shows %q", body)
	}
	request := httptest.NewRequest(http.MethodGet, "/messages", nil)
	request.Header.Set("If-None-Match", first.Header.Get("ETag"))
	again := httptest.NewRecorder()
	in.Handler().ServeHTTP(again, request)
	if again.Code != http.StatusNotModified {
		t.Errorf("status %d", again.Code)
	}
}

// start runs an inbox on a free port until stop or the end of the test.
func start(t *testing.T, cfg inbox.Config) (in *inbox.Inbox, stop func()) {
	t.Helper()
	cfg.Addr = "127.0.0.1:0"
	log := logrus.New()
	log.SetOutput(io.Discard)
	cfg.Log = log
	in, err := inbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return in, stop
}

func send(t *testing.T, in *inbox.Inbox, to, letter string) {
	t.Helper()
	if err := netsmtp.SendMail(in.Addr(), nil, "bounce@example.com", []string{to}, []byte(letter)); err != nil {
		t.Error(err)
	}
}

func get(in *inbox.Inbox, path string) *http.Response {
	answer := httptest.NewRecorder()
	in.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Result()
}

func list(t *testing.T, in *inbox.Inbox, path string) []inbox.Message {
	t.Helper()
	var messages []inbox.Message
	if err := json.NewDecoder(get(in, "/"+path).Body).Decode(&messages); err != nil {
		t.Fatal(err)
	}
	return messages
}
