package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"countersign/api"
)

func TestCalls_WhenNotTaken_AnswerWhatIsKnownAndTheKeyToRepeatWith(t *testing.T) {
	for _, c := range []struct {
		err  error
		code string
	}{
		{fmt.Errorf("produce: %w", api.ErrUnavailable), "unavailable"},
		{fmt.Errorf("produce: %w", api.ErrOverloaded), "overloaded"},
		{fmt.Errorf("produce: %w", api.ErrOutcomeUnknown), "outcome_unknown"},
		{errors.New("anything else"), "outcome_unknown"},
	} {
		s := newSite(t)
		id, code := s.register("ada@example.com")
		s.set(func(f *fold) { f.sendErr = c.err })
		for path, fields := range map[string]map[string]string{
			"/api/register": {"email": "ada@example.com", "first_name": "Ada"},
			"/api/verify":   {"verification_id": id, "code": code},
			"/api/resend":   {"verification_id": id},
		} {
			a := s.call(path, "", fields)
			if a.status != http.StatusServiceUnavailable || a.json(t)["code"] != c.code {
				t.Errorf("%s with %v: %d %s", path, c.err, a.status, a.body)
			}
			if a.header.Get("Retry-After") == "" || len(a.header.Get("Idempotency-Key")) < 16 {
				t.Errorf("%s with %v: headers %v", path, c.err, a.header)
			}
		}
	}
}

func TestCalls_WhenTheViewCannotBeRead_AreUnavailable(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	sent := len(s.sent())
	s.set(func(f *fold) { f.readErr = errors.New("still reading the table") })
	for _, a := range []answer{
		s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code}),
		s.call("/api/resend", "", map[string]string{"verification_id": id}),
		s.do(http.MethodGet, "/api/verifications/"+id, "", "", ""),
	} {
		if a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	if len(s.sent()) != sent {
		t.Error("a command was sent all the same")
	}
}

func TestVerify_WithoutOutcomeInTime_IsUnknownAndCanBeRepeated(t *testing.T) {
	t.Parallel() // it takes the five seconds that it takes
	s := newSite(t)
	id, code := s.register("ada@example.com")
	s.set(func(f *fold) { f.lost = true })
	fields := map[string]string{"verification_id": id, "code": code}
	a := s.call("/api/verify", "", fields)
	if a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "outcome_unknown" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	s.set(func(f *fold) { f.lost = false })
	if again := s.call("/api/verify", a.header.Get("Idempotency-Key"), fields); again.status != http.StatusOK {
		t.Errorf("repeated: %d %s", again.status, again.body)
	}
	sent := s.sent()
	if sent[1].ID != sent[2].ID {
		t.Error("the repeat was another command")
	}
}

// A key is taken as it is or not at all, and the same one makes the same command.
func FuzzIdempotencyKey(f *testing.F) {
	for _, key := range []string{"sixteen-letters!", "fifteen-letters", "sixteen letters!", strings.Repeat("k", 255), strings.Repeat("k", 256), "sixteen-letters\x7f", "sixteen-lettér"} {
		f.Add(key)
	}
	s := newHandler(f)
	f.Fuzz(func(t *testing.T, key string) {
		if key == "" {
			t.Skip("none: one is made")
		}
		a, first := s.fed(t, "/api/register", registration, "Idempotency-Key", key)
		_, second := s.fed(t, "/api/register", registration, "Idempotency-Key", key)
		if !isKey(key) {
			if a.status != http.StatusBadRequest || len(first)+len(second) > 0 {
				t.Fatalf("%q is answered %d, and %+v sent", key, a.status, first)
			}
			return
		}
		if a.status != http.StatusAccepted || a.header.Get("Idempotency-Key") != key {
			t.Fatalf("with %q: %d %v", key, a.status, a.header)
		}
		if len(first) != 1 || len(second) != 1 || first[0].ID != second[0].ID || first[0].VerificationID != second[0].VerificationID {
			t.Fatalf("%q makes %+v, then %+v", key, first, second)
		}
	})
}

var isKey = regexp.MustCompile(`\A[!-~]{16,255}\z`).MatchString
