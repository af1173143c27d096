package api_test

import (
	"net/http"
	"testing"
	"time"

	"countersign/api"
)

func TestErase_IsAnsweredWhenItIsDone_AndThenNothingIsKnown(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	s.set(func(f *fold) {
		f.mails["ada@example.com"] = []api.Mail{{ID: "m", Kind: "verify_account", State: "sent", QueuedAt: time.Now().Add(-time.Second)}}
	})
	do := s.internal(nil)
	a := do(http.MethodDelete, "/users/ADA@example.com")
	if a.status != http.StatusOK || a.json(t)["user_id"] == "" || a.json(t)["erased_at"] == "" {
		t.Fatalf("erased: %d %s", a.status, a.body)
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if a := do(method, "/users/ada@example.com"); a.status != http.StatusNotFound || a.json(t)["code"] != "user_not_found" {
			t.Errorf("%s afterwards: %d %s", method, a.status, a.body)
		}
	}
	if a := s.do(http.MethodGet, "/api/verifications/"+id, "", "", ""); a.json(t)["status"] != "expired" || a.json(t)["first_name"] != nil {
		t.Errorf("its verification: %d %s", a.status, a.body)
	}
	s.register("ada@example.com")
	if a := do(http.MethodGet, "/users/ada@example.com"); a.status != http.StatusOK || len(a.json(t)["mails"].([]any)) != 0 {
		t.Errorf("registered again: %d %s", a.status, a.body)
	}
}

func TestErase_WhenItIsNotTaken_SaysWhatIsKnown(t *testing.T) {
	s := newSite(t)
	s.register("ada@example.com")
	do := s.internal(nil)
	for code, err := range map[string]error{"unavailable": api.ErrUnavailable, "overloaded": api.ErrOverloaded, "outcome_unknown": api.ErrOutcomeUnknown} {
		s.set(func(f *fold) { f.sendErr = err })
		if a := do(http.MethodDelete, "/users/ada@example.com"); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != code {
			t.Errorf("%v: %d %s", err, a.status, a.body)
		}
	}
	if a := do(http.MethodDelete, "/users/ada"); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "email_invalid" {
		t.Errorf("no address: %d %s", a.status, a.body)
	}
}
