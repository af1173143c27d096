package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestVerify_WithTheCode_AnswersWhoIsVerified(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	a := s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	state, _, _ := s.Get("ada@example.com")
	want := map[string]any{
		"status": "verified", "email": "ada@example.com", "user_id": state.UserID,
		"verified_at": state.VerifiedAt.Format(time.RFC3339Nano),
	}
	body := a.json(t)
	for field, value := range want {
		if body[field] != value {
			t.Errorf("%s is %v, want %v", field, body[field], value)
		}
	}
	if a.status != http.StatusOK || len(body) != len(want) {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestVerify_WithTheLinksToken_AnswersWhoIsVerified(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	if a := s.call("/api/verify", "", map[string]string{"verification_id": id, "token": s.lastToken()}); a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestVerify_WrongGuesses_CountDownToTooManyAttempts(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	guess := map[string]string{"verification_id": id, "code": wrongCode(code)}
	for left := 4; left >= 0; left-- {
		a := s.call("/api/verify", "", guess)
		body := a.json(t)
		if a.status != http.StatusUnprocessableEntity || body["code"] != "code_invalid" || body["attempts_remaining"] != float64(left) {
			t.Fatalf("with %d left: %d %s", left, a.status, a.body)
		}
	}
	sent := len(s.sent())
	a := s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	body := a.json(t)
	if a.status != http.StatusTooManyRequests || body["code"] != "too_many_attempts" || body["next"] != "register" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if len(s.sent()) != sent {
		t.Error("what is final became a command")
	}
	if a := s.call("/api/verify", "", map[string]string{"verification_id": id, "token": s.registerToken(id)}); a.status != http.StatusOK {
		t.Errorf("the link answers %d %s", a.status, a.body)
	}
}

// registerToken is what the link of the mail of that verification holds.
func (s *site) registerToken(id string) string {
	h, err := s.secrets.Open(id, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range s.sent() {
		if c.VerificationID == h.VerificationID && len(c.Nonce) > 0 {
			return s.secrets.First().LinkToken(c.Email, c.VerificationID, c.Nonce)
		}
	}
	s.t.Fatal("that verification was never registered")
	return ""
}

func TestVerify_RepeatedWithItsKey_AnswersTheSameAndCountsOnce(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	for _, guess := range []string{wrongCode(code), code} {
		fields := map[string]string{"verification_id": id, "code": guess}
		first := s.call("/api/verify", someKey, fields)
		sent := len(s.sent())
		second := s.call("/api/verify", someKey, fields)
		if first.status != second.status || first.body != second.body {
			t.Errorf("first %d %s, then %d %s", first.status, first.body, second.status, second.body)
		}
		if len(s.sent()) != sent {
			t.Error("an answered command was sent again")
		}
	}
	if state, _, _ := s.Get("ada@example.com"); state.Verifications[0].Failures != 1 {
		t.Errorf("%d failures were counted", state.Verifications[0].Failures)
	}
}

func TestVerify_ProvenBefore_AnswersExpiredToAnotherRequest(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	fields := map[string]string{"verification_id": id, "code": code}
	s.call("/api/verify", "", fields)
	a := s.call("/api/verify", "", fields)
	if a.status != http.StatusGone || a.json(t)["code"] != "code_expired" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestVerify_AfterTenMinutes_AnswersExpired(t *testing.T) {
	s := newSite(t)
	now := time.Now()
	s.set(func(f *fold) { f.now = now.Add(-10 * time.Minute) })
	id, code := s.register("ada@example.com")
	s.set(func(f *fold) { f.now = now })
	a := s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	if a.status != http.StatusGone || a.json(t)["code"] != "code_expired" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestVerify_SomebodyElsesCode_IsWrong(t *testing.T) {
	s := newSite(t)
	_, owners := s.register("ada@example.com")
	strangers, code := s.register("ada@example.com")
	if owners == code {
		t.Skip("one in a million")
	}
	a := s.call("/api/verify", "", map[string]string{"verification_id": strangers, "code": owners})
	if a.json(t)["code"] != "code_invalid" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestVerify_NeitherLogsNorSendsWhatWasGuessed(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	token := s.lastToken()
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": wrongCode(code)})
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	s.call("/api/verify", "", map[string]string{"verification_id": id, "token": token})
	for _, secret := range []string{id, code, token, wrongCode(code), "ada@example.com"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, s.log)
		}
	}
	if !strings.Contains(s.log.String(), "result=verified") || !strings.Contains(s.log.String(), "result=code_invalid") {
		t.Errorf("success and failure are not logged:\n%s", s.log)
	}
}
