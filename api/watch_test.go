package api_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/api"
	"countersign/user"
)

// watched reads a stream's events, each a line for a field.
func watched(t *testing.T, url string) (next func() map[string]string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	return func() map[string]string {
		event := map[string]string{}
		for lines.Scan() && lines.Text() != "" {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			event[name] = value
		}
		return event
	}
}

func TestWatch_TellsOfEachChange_LongerThanAnyAnswerMayTake(t *testing.T) {
	s := newSite(t)
	server := httptest.NewUnstartedServer(s.inside(nil))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	next := watched(t, server.URL)
	if first := next(); first["retry"] == "" {
		t.Errorf("it begins with %v", first)
	}
	time.Sleep(4 * server.Config.WriteTimeout) // the server's timeouts are over
	s.register("ada@example.com")
	if e := next(); e["event"] != "user" || e["id"] != "3-41" || !strings.Contains(e["data"], `"email":"ada@example.com"`) || !strings.Contains(e["data"], `"status":"pending"`) {
		t.Errorf("registered: %v", e)
	}
	s.set(func(f *fold) {
		f.states["bob@example.com"] = user.State{Email: "bob@example.com", Status: user.StatusDeleted}
		f.tell("bob@example.com")
	})
	if e := next(); e["event"] != "removed" || e["data"] != `{"email":"bob@example.com"}` {
		t.Errorf("removed: %v", e)
	}
	s.set(func(f *fold) { close(f.watchers[0]) })
	if e := next(); e["event"] != "cut" {
		t.Errorf("too slow: %v", e)
	}
	if e := next(); len(e) > 0 {
		t.Errorf("after the cut: %v", e)
	}
}

func TestWatch_EndsWhenTheListenerStops(t *testing.T) {
	s := newSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(ctx, l, s.inside(nil)) }()
	next := watched(t, "http://"+l.Addr().String())
	next()
	began := time.Now()
	stop()
	if e := next(); len(e) > 0 {
		t.Errorf("told at the stop: %v", e)
	}
	if err := <-ended; err != nil || time.Since(began) > 2*time.Second { // requests may take 3 s
		t.Errorf("stopped after %v with %v", time.Since(began), err)
	}
}
