package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/client"
)

func newClient(t *testing.T, c client.Config) *client.Client {
	t.Helper()
	made, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func whole(t *testing.T) *client.Client {
	return newClient(t, client.Config{PublicURL: publicURL + "/", InternalURL: internalURL})
}

var ada = client.Registration{Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace", Locale: "en-GB"}

func TestClient_ProvesAnAddressByTheMailsLink(t *testing.T) {
	c, ctx := whole(t), t.Context()
	r, err := c.Register(ctx, ada)
	if err != nil || r.ExpiresIn != 600 || r.ResendIn != 60 {
		t.Fatalf("registered %+v, %v", r, err)
	}
	token := mailed(ada.Email, `/#[^.\s]+\.([A-Za-z0-9_-]{22})`)
	if again, err := c.Resend(ctx, r.VerificationID); err != nil || again.VerificationID == "" {
		t.Errorf("resent %+v, %v", again, err)
	}
	if s, err := c.Status(ctx, r.VerificationID); err != nil || s.Status != "pending" || s.Email != ada.Email || s.AttemptsRemaining != 5 || s.Mail != "accepted" {
		t.Errorf("status %+v, %v", s, err)
	}
	key := client.WithKey(ctx, "a-key-of-the-callers-own")
	v, err := c.VerifyLink(key, r.VerificationID, token)
	if err != nil || v.Email != ada.Email || v.VerifiedAt.IsZero() {
		t.Fatalf("verified %+v, %v", v, err)
	}
	if again, err := c.VerifyLink(key, r.VerificationID, token); err != nil || *again != *v {
		t.Errorf("with the same key %+v, %v", again, err)
	}
	if _, err := c.VerifyLink(ctx, r.VerificationID, token); !errors.Is(err, client.ErrCodeExpired) {
		t.Errorf("with another key: %v", err)
	}
	if a, err := c.Lookup(ctx, ada.Email); err != nil || a.LastName != ada.LastName || a.Locale != ada.Locale || a.Version == 0 || a.CreatedAt.IsZero() || a.UpdatedAt.IsZero() {
		t.Errorf("looked up %+v, %v", a, err)
	}
}

func TestClient_DisputesByTheMailsOtherLink(t *testing.T) {
	c, ctx := whole(t), t.Context()
	r, err := c.Register(ctx, client.Registration{Email: "mallory@example.com", FirstName: "Mallory"})
	if err != nil {
		t.Fatal(err)
	}
	token := mailed("mallory@example.com", `/dispute#[^.\s]+\.([A-Za-z0-9_-]{22})`)
	if d, err := c.Dispute(ctx, r.VerificationID, token); err != nil || d.Reference != r.Reference || len(d.Reference) != 3 {
		t.Fatalf("disputed %+v, %v; registered %+v", d, err, r)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) { // the processor may take a moment
		s, err := c.Status(ctx, r.VerificationID)
		if err != nil || time.Now().After(end) {
			t.Fatalf("status %+v, %v", s, err)
		}
		if s.Status == "expired" {
			return
		}
	}
}

func TestClient_OnBehalfOfAVisitor_AsksTheInternalListener(t *testing.T) {
	c, ctx := newClient(t, client.Config{InternalURL: internalURL}), t.Context()
	for _, visitor := range []string{"192.0.2.7", "2001:db8::7"} {
		r, err := c.OnBehalf(netip.MustParseAddr(visitor)).Register(ctx, client.Registration{Email: "visitor@example.com", FirstName: "V"})
		if err != nil || r.VerificationID == "" {
			t.Fatalf("for %s: %+v, %v", visitor, r, err)
		}
		if _, err := c.OnBehalf(netip.MustParseAddr(visitor)).Verify(ctx, r.VerificationID, "12345"); !errors.Is(err, client.ErrInvalid) {
			t.Errorf("no code for %s: %v", visitor, err)
		}
	}
}

// The names of the fields are the API's, as it describes itself.
func TestClient_SpeaksTheApisWords(t *testing.T) {
	public, internal := described(publicURL), described(internalURL)
	at := func(d map[string]any, path ...string) map[string]any {
		for _, name := range path {
			next, ok := d[name].(map[string]any)
			if !ok {
				t.Fatalf("the description has no %s of %v", name, path)
			}
			d = next
		}
		return d
	}
	fields := func(d map[string]any, path ...string) map[string]any {
		schema := at(at(d, path...), "schema")
		if ref, ok := schema["$ref"].(string); ok {
			schema = at(d, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		return at(schema, "properties")
	}
	answer := func(method, path, status string) []string {
		return []string{"paths", path, method, "responses", status, "content", "application/json"}
	}
	for _, c := range []struct {
		of    any
		words map[string]any
		whole bool // the client has every word
	}{
		{client.Registration{}, fields(public, "paths", "/api/register", "post", "requestBody", "content", "application/json"), true},
		{client.Registered{}, fields(public, answer("post", "/api/register", "202")...), true},
		{client.Registered{}, fields(public, answer("post", "/api/resend", "202")...), true},
		{client.Disputed{}, fields(public, answer("post", "/api/dispute", "202")...), true},
		{client.Verified{}, fields(public, answer("post", "/api/verify", "200")...), true},
		{client.Status{}, fields(public, answer("get", "/api/verifications/{verification_id}", "200")...), true},
		{client.Account{}, fields(internal, answer("get", "/users/{email}", "200")...), false},
		{client.Mail{}, fields(internal, answer("get", "/mails/{id}", "200")...), true},
		{client.Mail{}, fields(internal, answer("post", "/mails/{id}/retry", "202")...), true},
		{client.Mail{}, fields(internal, answer("post", "/mails/{id}/cancel", "202")...), true},
		{client.Suppression{}, fields(internal, answer("get", "/suppressions/{email}", "200")...), true},
		{client.Suppression{}, fields(internal, answer("delete", "/suppressions/{email}", "202")...), true},
		{client.Error{}, at(public, "components", "schemas", "Problem", "properties"), false},
		{client.FieldError{}, at(public, "components", "schemas", "FieldError", "properties"), true},
	} {
		kind := reflect.TypeOf(c.of)
		var has []string
		for f := range kind.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" && name != "" {
				has = append(has, name)
			}
		}
		for _, name := range has {
			if c.words[name] == nil {
				t.Errorf("%v has %q, which the API has not", kind, name)
			}
		}
		for name := range c.words {
			if c.whole && !slices.Contains(has, name) {
				t.Errorf("%v lacks %q", kind, name)
			}
		}
	}
}

func TestNew_RefusesWhatIsNoURL(t *testing.T) {
	for _, c := range []client.Config{{}, {PublicURL: "verify.example.com"}, {PublicURL: "ftp://a.org"}, {InternalURL: "http://"}, {PublicURL: "https://u:p@a.org"}} {
		if _, err := client.New(c); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := newClient(t, client.Config{PublicURL: publicURL}).Lookup(t.Context(), "ada@example.com"); err == nil {
		t.Error("looked up without an internal listener")
	}
	if _, err := newClient(t, client.Config{InternalURL: internalURL}).Resend(t.Context(), "v"); err == nil {
		t.Error("resent without a public listener")
	}
	if _, err := newClient(t, client.Config{PublicURL: publicURL}).OnBehalf(netip.MustParseAddr("192.0.2.7")).Resend(t.Context(), "v"); err == nil {
		t.Error("resent for a visitor without an internal listener")
	}
}

// scripted answers one request after the other, the last one for ever, and notes their keys.
type scripted struct {
	mu      sync.Mutex
	answers []http.HandlerFunc
	keys    []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.mu.Unlock()
	answer(w, r)
}

// ask registers with a server that answers so.
func (s *scripted) ask(t *testing.T, ctx context.Context, c client.Config, answers ...http.HandlerFunc) error {
	t.Helper()
	s.answers = answers
	server := httptest.NewServer(s)
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c.PublicURL, c.Transport = server.URL, transport
	_, err := newClient(t, c).Register(ctx, ada)
	return err
}

func problem(status int, code string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"code":%q,"detail":"so it is"}`, status, code)
	}
}

func accepts(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"verification_id":"v"}`)
}

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestClient_TriesAgainWithTheSameKey_WhatMayPass(t *testing.T) {
	var s scripted
	err := s.ask(t, t.Context(), client.Config{}, problem(503, "unavailable"), hangsUp, problem(503, "outcome_unknown"), problem(502, ""), problem(503, "overloaded"), accepts)
	if err != nil || len(s.keys) != 6 || len(slices.Compact(s.keys)) != 1 || len(s.keys[0]) < 16 {
		t.Errorf("%v, with the keys %v", err, s.keys)
	}
}

func TestClient_ComesAgainWhenItIsTold_OrNotAtAll(t *testing.T) {
	var s scripted
	began := time.Now()
	if err := s.ask(t, t.Context(), client.Config{}, problem(429, "rate_limited", "Retry-After", "1"), accepts); err != nil || time.Since(began) < time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	s = scripted{}
	err := s.ask(t, t.Context(), client.Config{}, problem(429, "rate_limited", "Retry-After", "3600"))
	var refused *client.Error
	if !errors.Is(err, client.ErrRateLimited) || !errors.As(err, &refused) || refused.RetryAfter != time.Hour || len(s.keys) != 1 {
		t.Errorf("%v after %d attempts", err, len(s.keys))
	}
	s = scripted{}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.ask(t, soon, client.Config{}, problem(503, "unavailable", "Retry-After", "25")); !errors.Is(err, client.ErrUnavailable) || len(s.keys) != 1 {
		t.Errorf("beyond the context's deadline: %v after %d attempts", err, len(s.keys))
	}
}

func TestClient_AsksOnceForWhatWillNotPass(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		is     error
	}{
		"too_many_attempts": {429, client.ErrTooManyAttempts},
		"code_expired":      {410, client.ErrCodeExpired},
		"token_required":    {401, client.ErrForbidden},
		"internal_error":    {500, client.ErrUnexpected},
		"":                  {302, client.ErrUnexpected},
	} {
		var s scripted
		if err := s.ask(t, t.Context(), client.Config{}, problem(c.status, code, "Location", "https://elsewhere.example")); !errors.Is(err, c.is) || len(s.keys) != 1 {
			t.Errorf("%s: %v after %d attempts", code, err, len(s.keys))
		}
	}
}

func TestClient_ThatGivesUp_SaysWhetherItMayHaveHappened(t *testing.T) {
	var s scripted
	c := client.Config{Patience: 300 * time.Millisecond}
	err := s.ask(t, t.Context(), c, hangsUp, problem(503, "unavailable"))
	var refused *client.Error
	if !errors.Is(err, client.ErrOutcomeUnknown) || !errors.As(err, &refused) || refused.Key != s.keys[0] {
		t.Errorf("an attempt was lost: %v", err)
	}
	if err := (&scripted{}).ask(t, t.Context(), c, problem(503, "unavailable")); errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("nothing was done: %v", err)
	}
	c.PublicURL = "http://" + freeAddress()
	if _, err := newClient(t, c).Register(t.Context(), ada); errors.Is(err, client.ErrOutcomeUnknown) || !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("nobody is there: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	err = (&scripted{}).ask(t, ended, client.Config{}, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("the caller went: %v", err)
	}
}

func TestClient_TakesNoAnswerThatIsNone(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for piece := strings.Repeat(" ", 1<<20); ; {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		},
	} {
		var s scripted
		if err := s.ask(t, t.Context(), client.Config{}, answer); !errors.Is(err, client.ErrUnexpected) || len(s.keys) != 1 {
			t.Errorf("%s: %v after %d attempts", what, err, len(s.keys))
		}
	}
}

func TestError_NeverHoldsWhatWasAsked(t *testing.T) {
	c := newClient(t, client.Config{PublicURL: "http://" + freeAddress(), InternalURL: "http://" + freeAddress(), Patience: time.Millisecond})
	for what, err := range map[string]error{
		"a handle":   second(c.Status(t.Context(), "secret-handle")),
		"an address": second(c.Lookup(t.Context(), "secret-handle@example.com")),
	} {
		if err == nil || strings.Contains(err.Error(), "secret-handle") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
