package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/user"
)

const someKey = "0123456789abcdef"

func TestRegister_AnswersASealedHandleAndSendsOneCommand(t *testing.T) {
	s := newSite(t)
	a := s.call("/api/register", someKey, map[string]string{"email": " Ada@Example.COM ", "first_name": " Ada ", "locale": "pt-br"})
	body := a.json(t)
	if a.status != http.StatusAccepted || body["expires_in"] != 600.0 || body["resend_in"] != 60.0 || len(body) != 4 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	if a.header.Get("Idempotency-Key") != someKey || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers: %v", a.header)
	}
	sent := s.sent()
	if len(sent) != 1 {
		t.Fatalf("%d commands were sent", len(sent))
	}
	c := sent[0]
	if c.Email != "ada@example.com" || c.FirstName != "Ada" || c.Locale != "pt-BR" || c.Policy != user.DefaultPolicy() {
		t.Errorf("command is not normalised: %+v", c)
	}
	h, err := s.secrets.Open(body["verification_id"].(string), time.Now())
	if err != nil || h.Email != c.Email || h.VerificationID != c.VerificationID {
		t.Errorf("handle holds %+v, %v", h, err)
	}
}

func TestRegister_RepeatedWithItsKey_IsOneCommandWithAFreshNonce(t *testing.T) {
	s := newSite(t)
	fields := map[string]string{"email": "ada@example.com", "first_name": "Ada"}
	s.call("/api/register", someKey, fields)
	s.do(http.MethodPost, "/api/register", "application/json; charset=utf-8", someKey, ` { "first_name":"Ada" ,"email":"ADA@example.com"}`)
	sent := s.sent()
	if sent[0].ID != sent[1].ID || sent[0].VerificationID != sent[1].VerificationID {
		t.Error("a repeat made another command")
	}
	if string(sent[0].Nonce) == string(sent[1].Nonce) {
		t.Error("the nonce was not fresh")
	}
	fields["first_name"] = "Grace"
	s.call("/api/register", someKey, fields)
	if s.sent()[2].ID == sent[0].ID {
		t.Error("another body made the same command")
	}
}

func TestRegister_WithoutKey_AnswersTheKeyItMade(t *testing.T) {
	s := newSite(t)
	fields := map[string]string{"email": "ada@example.com", "first_name": "Ada"}
	made := s.call("/api/register", "", fields).header.Get("Idempotency-Key")
	if len(made) < 16 {
		t.Fatalf("made the key %q", made)
	}
	s.call("/api/register", made, fields)
	s.call("/api/register", "", fields)
	sent := s.sent()
	if sent[0].ID != sent[1].ID || sent[0].ID == sent[2].ID {
		t.Errorf("ids %s, %s, %s", sent[0].ID, sent[1].ID, sent[2].ID)
	}
}

func TestRegister_AnswersAlikeWhateverTheAccountIs(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	fields := map[string]string{"email": "ada@example.com", "first_name": "Ada"}
	known := s.call("/api/register", someKey, fields)
	fields["email"] = "eve@example.com"
	unknown := s.call("/api/register", someKey, fields)
	if known.status != unknown.status || len(known.body) != len(unknown.body) || len(known.header) != len(unknown.header) {
		t.Errorf("verified: %d %s %v\nunknown: %d %s %v", known.status, known.body, known.header, unknown.status, unknown.body, unknown.header)
	}
}

func TestRegister_NamesEveryFieldAtFault(t *testing.T) {
	s := newSite(t)
	a := s.call("/api/register", "", map[string]string{"email": "x", "first_name": "http://x", "last_name": "7", "locale": "?"})
	var fields []string
	for _, e := range a.json(t)["errors"].([]any) {
		fields = append(fields, e.(map[string]any)["field"].(string))
	}
	if got := strings.Join(fields, " "); a.status != http.StatusUnprocessableEntity || got != "email first_name last_name locale" {
		t.Errorf("%d names %s", a.status, got)
	}
}

// A locale that is taken has one spelling: what is asked of the command asks for the same.
func FuzzRegister_Locale(f *testing.F) {
	for _, tag := range []string{"en", "PT-br", "zh-Hans-CN", "i-klingon", "x-private", "de-u-co-phonebk", "en_US", "und", "", "sl-rozaj-biske-1994", "en-" + strings.Repeat("a-", 20)} {
		f.Add(tag)
	}
	s := newHandler(f)
	f.Fuzz(func(t *testing.T, tag string) {
		taken := func(tag string) (string, bool) {
			a, sent := s.fed(t, "/api/register", object("email", "ada@example.com", "first_name", "Ada", "locale", tag))
			if (a.status == http.StatusAccepted) != (len(sent) == 1) || a.status >= http.StatusInternalServerError {
				t.Fatalf("%q: %d %s, sent %+v", tag, a.status, a.body, sent)
			}
			if len(sent) == 0 {
				return "", false
			}
			return sent[0].Locale, true
		}
		if locale, ok := taken(tag); ok {
			if again, ok := taken(locale); !ok || again != locale {
				t.Fatalf("%q is taken as %q, and that as %q, %t", tag, locale, again, ok)
			}
		}
	})
}
