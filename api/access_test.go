package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"countersign/api"
)

// broken is a view with a bug.
type broken struct{ *fold }

func (broken) Of(string) ([]api.Mail, error) { panic("a bug") }

func TestAccess_APanic_IsLoggedOnceAndAnsweredAsAProblem(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	log := logrus.New()
	said := &logged{}
	log.SetOutput(said)
	h, err := api.NewPublic(api.Config{
		Commands: s.fold, Users: s.fold, Mails: broken{s.fold}, Secrets: s.secrets, Pages: os.DirFS("../web/public"), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/verifications/"+id, nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"internal_error"`) || strings.Contains(w.Body.String(), "a bug") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if strings.Count(said.String(), "handler panicked") != 1 {
		t.Errorf("log: %s", said)
	}
}

func TestAccess_IsLoggedByRoute_NeverByWhatItHolds(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/verifications/"+id+"?email=ada@example.com", nil))
	if !strings.Contains(s.log.String(), `route="/api/verifications/{verification_id}" status=200`) {
		t.Errorf("log: %s", s.log)
	}
	for _, value := range []string{id, "ada@example.com", "?"} {
		if strings.Contains(s.log.String(), value) {
			t.Errorf("the log holds %q", value)
		}
	}
}

func TestInput_ThatDoesNotArrive_IsRefusedInTime(t *testing.T) {
	s := newSite(t)
	server := httptest.NewUnstartedServer(s.handler)
	server.Config.ReadTimeout = 50 * time.Millisecond
	server.Start()
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /api/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusRequestTimeout || len(s.sent()) != 0 {
		t.Errorf("got %d", a.StatusCode)
	}
}

func TestAccess_OfPathsAndMethodsThatAreNot_IsRefusedAsAProblem(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{http.MethodGet, "/api/register", 405, "method_not_allowed", "POST"},
		{http.MethodDelete, "/api/verifications/x", 405, "method_not_allowed", "GET"},
		{"BREW", "/api/register", 405, "method_not_allowed", "POST"},
		{http.MethodGet, "/api/", 404, "not_found", ""},
		{http.MethodPost, "/api/registers", 404, "not_found", ""},
		{http.MethodGet, "/users/ada@example.com", 404, "not_found", ""},
		{http.MethodGet, "/public.go", 404, "not_found", ""},
		{http.MethodGet, "/api/verifications/made-up", 422, "verification_id_invalid", ""},
	} {
		a := s.do(c.method, c.path, "", "", "")
		if a.status != c.status || a.json(t)["code"] != c.code || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, a.status, a.header["Allow"], a.body)
		}
	}
}
