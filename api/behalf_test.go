package api_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"

	"countersign/api"
)

// backend returns a way to ask on the internal listener as a team's own backend does.
func (s *site) backend(change func(*api.InternalConfig)) func(path, body string, header ...string) answer {
	h := s.inside(change)
	return func(path, body string, header ...string) answer {
		s.t.Helper()
		return ask(s.t, h, http.MethodPost, path, "127.0.0.1:1", body, header...)
	}
}

const visitor = "192.0.2.7"

func TestBehalf_RegisterResendAndVerify_AreTheSameCalls(t *testing.T) {
	s := newHandler(t)
	post := s.backend(nil)
	fields := []string{"email", "ada@example.com", "first_name", "Ada"}
	a := post("/api/register", object(append(fields, "client_ip", visitor)...), "Idempotency-Key", someKey)
	if a.status != http.StatusAccepted || a.header.Get("Idempotency-Key") != someKey {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	id, code := a.json(t)["verification_id"].(string), s.lastCode()
	s.ask(http.MethodPost, "/api/register", visitor+":1", object(fields...), "Idempotency-Key", someKey)
	sent := s.sent()
	if sent[0].ID != sent[1].ID || sent[0].Client != sent[1].Client || sent[0].Client != s.secrets.First().Client(netip.MustParseAddr(visitor)) {
		t.Errorf("asked for another: %+v", sent)
	}
	if a := post("/api/resend", object("verification_id", id, "client_ip", visitor)); a.status != http.StatusAccepted {
		t.Errorf("resend: %d %s", a.status, a.body)
	}
	if a := post("/api/verify", object("verification_id", id, "code", code, "client_ip", visitor)); a.status != http.StatusOK {
		t.Errorf("verify: %d %s", a.status, a.body)
	}
}

func TestBehalf_WithoutAnAddress_IsRefused(t *testing.T) {
	s := newHandler(t)
	post := s.backend(nil)
	for _, ip := range []string{"", "visitor", "192.0.2.7:80", "[2001:db8::1]", "192.0.2.0/24", "fe80::1%eth0", "192.0.2", "192.0.2.007", " 192.0.2.7"} {
		a := post("/api/register", object("email", "ada@example.com", "first_name", "Ada", "client_ip", ip))
		if a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "client_ip_invalid" {
			t.Errorf("%q: %d %s", ip, a.status, a.body)
		}
	}
	if a := post("/api/register", registration); a.json(t)["code"] != "client_ip_invalid" {
		t.Errorf("none: %d %s", a.status, a.body)
	}
	if a := s.ask(http.MethodPost, "/api/register", visitor+":1", object("email", "ada@example.com", "first_name", "Ada", "client_ip", visitor)); a.json(t)["code"] != "field_unknown" {
		t.Errorf("anybody may name another: %d %s", a.status, a.body)
	}
	if len(s.sent()) != 0 {
		t.Error("a command was sent")
	}
}

func TestBehalf_ChangesSomething_SoItNeedsTheOperatorsToken(t *testing.T) {
	s := newHandler(t)
	post := s.backend(func(c *api.InternalConfig) { c.Token, c.Operator = "read", "change" })
	body := object("email", "ada@example.com", "first_name", "Ada", "client_ip", visitor)
	for token, want := range map[string]int{"": 401, "read": 403, "change": 202} {
		if a := post("/api/register", body, "Authorization", "Bearer "+token); a.status != want {
			t.Errorf("with %q: %d %s", token, a.status, a.body)
		}
	}
}

func TestBehalf_LimitsAreTheVisitors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t, limited(1))
		post := s.backend(nil)
		body := func(ip string) string {
			return object("email", "ada@example.com", "first_name", "Ada", "client_ip", ip)
		}
		for _, ip := range []string{visitor, "192.0.2.8", "2001:db8::1"} {
			if a := post("/api/register", body(ip)); a.status != http.StatusAccepted || a.header.Get("RateLimit") == "" {
				t.Errorf("%s: %d %v", ip, a.status, a.header)
			}
		}
		if a := post("/api/register", body("2001:db8::2")); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("too many: %d %v %s", a.status, a.header, a.body)
		}
		if a := s.ask(http.MethodPost, "/api/register", visitor+":1", registration); a.status != http.StatusTooManyRequests {
			t.Errorf("the visitor themselves: %d", a.status)
		}
	})
}

func TestBehalf_IsDescribed(t *testing.T) {
	s := newHandler(t)
	h := s.inside(nil)
	var o struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(ask(t, h, http.MethodGet, "/openapi.json", "127.0.0.1:1", "").body), &o); err != nil {
		t.Fatal(err)
	}
	for path, name := range map[string]string{"/api/register": "RegisterRequest", "/api/verify": "VerifyRequest", "/api/resend": "ResendRequest"} {
		if schema := o.Components.Schemas[name]; o.Paths[path]["post"] == nil || schema.Properties["client_ip"] == nil || len(schema.Required) == 0 {
			t.Errorf("%s: %+v", path, schema)
		}
	}
	if o.Paths["/api/dispute"] != nil {
		t.Error("a backend has no mail's link")
	}
}
