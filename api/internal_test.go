package api_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"countersign/api"
)

// inside returns an internal listener over the site's fold.
func (s *site) inside(change func(*api.InternalConfig)) http.Handler {
	s.t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	registry := prometheus.NewRegistry()
	c := api.InternalConfig{
		Public: s.public, Users: s.fold, Mails: s.post, MailCommands: s.post, Suppressions: s.refusing, Commands: s.fold, DeadLetters: s.shelf, History: s.past, PublicAddresses: true, Log: log, Metrics: registry, Registry: registry, Pages: os.DirFS("../web/public"),
		Ready: func() []api.Check { return nil },
	}
	if change != nil {
		change(&c)
	}
	h, err := api.NewInternal(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return newDescribed(s.t, h)
}

// internal returns a client's way to an internal listener over the site's fold.
func (s *site) internal(change func(*api.InternalConfig)) func(method, path string, header ...string) answer {
	s.t.Helper()
	server := httptest.NewServer(s.inside(change))
	s.t.Cleanup(server.Close)
	return func(method, path string, header ...string) answer {
		s.t.Helper()
		r, err := http.NewRequestWithContext(s.t.Context(), method, server.URL+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		if host := r.Header.Get("Host"); host != "" {
			r.Host = host
		}
		return send(s.t, server.Client(), r)
	}
}

func TestUsers_ShowsTheStateInAnySpellingOfTheAddress(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada+lists@example.com")
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": wrongCode(code)})
	s.set(func(f *fold) {
		f.mails["ada+lists@example.com"] = []api.Mail{
			{ID: "m2", Kind: "verify_account", State: "failed", Attempts: 2, Stage: "content", Reply: "554 5.7.1 no", QueuedAt: time.Now()},
			{ID: "m1", Kind: "verify_account", State: "sent", Attempts: 1, QueuedAt: time.Now()},
		}
	})
	do := s.internal(nil)
	for _, spelling := range []string{"ada+lists@example.com", "ADA%2Blists%40example.com", "%20Ada+lists@EXAMPLE.com"} {
		a := do(http.MethodGet, "/users/"+spelling)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", spelling, a.status, a.body)
		}
		var got struct {
			Email, Status   string
			Version, Offset int64
			Partition       int32
			Counters        map[string]int
			Verifications   []struct {
				HasCode  bool `json:"has_code"`
				Outcomes []struct{ Result string }
			}
			Mails []struct {
				ID, Kind, State, Stage, Reply string
				Attempts                      int
			}
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if got.Email != "ada+lists@example.com" || got.Status != "pending" || got.Version != 2 || got.Partition != 3 || got.Offset != 42 {
			t.Errorf("got %s", a.body)
		}
		if got.Counters["failures"] != 1 || got.Counters["mails_last_hour"] != 1 || got.Counters["mails_last_day"] != 1 {
			t.Errorf("counters: %s", a.body)
		}
		if m := fmt.Sprint(got.Mails); m != "[{m2 verify_account failed content 554 5.7.1 no 2} {m1 verify_account sent   1}]" {
			t.Errorf("mails: %s", m)
		}
		if v := got.Verifications; len(v) != 1 || !v[0].HasCode || len(v[0].Outcomes) != 2 || v[0].Outcomes[1].Result != "code_invalid" {
			t.Errorf("verifications: %s", a.body)
		}
	}
}

func TestUsers_NeverShowsWhatTheCodeIsMadeOf(t *testing.T) {
	s := newSite(t)
	_, code := s.register("ada@example.com")
	a := s.internal(nil)(http.MethodGet, "/users/ada@example.com")
	c := s.sent()[0]
	for what, value := range map[string]string{
		"nonce":       base64.StdEncoding.EncodeToString(c.Nonce),
		"digest":      base64.StdEncoding.EncodeToString(c.AnswerDigest),
		"link digest": base64.StdEncoding.EncodeToString(c.LinkDigest),
		"code":        code, "a field": "nonce", "another field": "digest",
	} {
		if strings.Contains(a.body, value) {
			t.Errorf("shows the %s: %s", what, a.body)
		}
	}
}

func TestUsers_WithoutAnswer_SaysWhy(t *testing.T) {
	s := newSite(t)
	do := s.internal(nil)
	if a := do(http.MethodGet, "/users/ada@example.com"); a.status != http.StatusNotFound || a.json(t)["code"] != "user_not_found" {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
	if a := do(http.MethodGet, "/users/ada"); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "email_invalid" {
		t.Errorf("no address: %d %s", a.status, a.body)
	}
	s.set(func(f *fold) { f.readErr = errors.New("still reading") })
	if a := do(http.MethodGet, "/users/ada@example.com"); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
		t.Errorf("unreadable: %d %s", a.status, a.body)
	}
}

func TestInternal_OfARoleWithoutUsers_HasNoLookup(t *testing.T) {
	do := newSite(t).internal(func(c *api.InternalConfig) {
		c.Users = nil
	})
	if a := do(http.MethodGet, "/users/ada@example.com"); a.status != http.StatusNotFound || a.json(t)["code"] != "not_found" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := do(http.MethodGet, "/livez"); a.status != http.StatusOK {
		t.Errorf("/livez: %d", a.status)
	}
}

func TestInternal_ServesMetricsByRouteAndWhatIsMounted(t *testing.T) {
	s := newSite(t)
	do := s.internal(func(c *api.InternalConfig) {
		c.Extras = map[string]http.Handler{"/inbox": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", "sandbox")
			_, _ = io.WriteString(w, r.URL.Path)
		})}
	})
	for _, path := range []string{"/inbox", "/inbox/", "/inbox/messages"} {
		if a := do(http.MethodGet, path); a.body != path || a.header.Get("Content-Security-Policy") != "sandbox" {
			t.Errorf("%s: %d %s %v", path, a.status, a.body, a.header)
		}
	}
	do(http.MethodGet, "/users/ada@example.com")
	a := do(http.MethodGet, "/metrics")
	if !strings.Contains(a.body, `countersign_http_request_duration_seconds_count{listener="internal",method="GET",route="/users/{email}",status="404"} 1`) {
		t.Errorf("metrics: %s", a.body)
	}
	if strings.Contains(a.body, "ada@example.com") {
		t.Error("metrics hold an address")
	}
}
