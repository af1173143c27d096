package api_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/user"
)

// lastDispute is what the other link of the last command's mail would hold.
func (s *site) lastDispute() string {
	sent := s.sent()
	c := sent[len(sent)-1]
	return s.secrets.First().DisputeToken(c.Email, c.VerificationID, c.Nonce)
}

func TestDispute_ByTheMailsLink_EndsTheVerification(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	a := s.call("/api/dispute", someKey, map[string]string{"verification_id": id, "token": s.lastDispute()})
	if a.status != http.StatusAccepted || a.header.Get("Idempotency-Key") != someKey {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	sent := s.sent()
	if c := sent[len(sent)-1]; c.Type != user.Dispute || c.Email != "ada@example.com" || a.json(t)["reference"] != user.Reference(c.VerificationID) {
		t.Errorf("sent %+v, answered %s", c, a.body)
	}
	if a := s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code}); a.status != http.StatusGone {
		t.Errorf("verify: %d %s", a.status, a.body)
	}
}

func TestDispute_IsAnsweredAlikeWhateverTheStateIs(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	token := s.lastDispute()
	other := strings.Repeat("A", 22)
	asked := func(id, token string) answer {
		return s.call("/api/dispute", someKey, map[string]string{"verification_id": id, "token": token})
	}
	want := asked(id, other) // a token of nobody's
	for what, a := range map[string]answer{"disputed": asked(id, token), "again": asked(id, token)} {
		if a.status != http.StatusAccepted || a.body != want.body || len(a.header) != len(want.header) {
			t.Errorf("%s: %d %s %v; want %s %v", what, a.status, a.body, a.header, want.body, want.header)
		}
	}
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	if a := asked(id, token); a.status != http.StatusAccepted || a.body != want.body {
		t.Errorf("over: %d %s", a.status, a.body)
	}
}

func TestDispute_WithoutALinksForm_IsRefused(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	for _, c := range []struct{ id, token, code string }{
		{"made-up", strings.Repeat("A", 22), "verification_id_invalid"},
		{id, "", "token_malformed"},
		{id, "123456", "token_malformed"},
	} {
		a := s.call("/api/dispute", "", map[string]string{"verification_id": c.id, "token": c.token})
		if a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != c.code {
			t.Errorf("%+v: %d %s", c, a.status, a.body)
		}
	}
	if len(s.sent()) != 1 {
		t.Error("a command was sent")
	}
}
