package api_test

import (
	"net/http"
	"testing"
	"time"

	"countersign/api"
)

// refusing are the addresses to which nothing is sent.
type refusing map[string]api.Suppression

func (r refusing) Of(email string) (api.Suppression, bool, error) {
	s, found := r[email]
	return s, found, nil
}

func TestSuppression_IsFoundInAnySpelling_AndTakenOff(t *testing.T) {
	s := newSite(t)
	s.refusing["ada@example.com"] = api.Suppression{At: time.Now(), Reply: "550 no such user"}
	do := s.internal(nil)
	if a := do(http.MethodGet, "/suppressions/%20ADA@Example.com"); a.status != http.StatusOK || a.json(t)["reply"] != "550 no such user" || a.json(t)["suppressed_at"] == nil {
		t.Errorf("shown: %d %s", a.status, a.body)
	}
	s.register("ada@example.com")
	if suppressed, _ := do(http.MethodGet, "/users/ada@example.com").json(t)["suppressed"].(map[string]any); suppressed["reply"] != "550 no such user" {
		t.Errorf("shown of the account: %v", suppressed)
	}
	for range 2 { // a repeat is harmless
		if a := do(http.MethodDelete, "/suppressions/Ada@example.com"); a.status != http.StatusAccepted || a.json(t)["reply"] != "550 no such user" {
			t.Errorf("taken off: %d %s", a.status, a.body)
		}
	}
	for _, c := range s.post.asked {
		if c.Type != api.MailUnsuppress || c.Email != "ada@example.com" || c.MailID != "" || c.ID == "" || c.At.IsZero() {
			t.Errorf("asked for %+v", c)
		}
	}
	if len(s.post.asked) != 2 {
		t.Errorf("asked for %v", s.post.asked)
	}
}

func TestSuppression_OfAnAddressThatIsNone_OrNotOnTheList(t *testing.T) {
	do := newSite(t).internal(nil)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if a := do(method, "/suppressions/ada@example.com"); a.status != http.StatusNotFound || a.json(t)["code"] != "suppression_not_found" {
			t.Errorf("%s, not on it: %d %s", method, a.status, a.body)
		}
		if a := do(method, "/suppressions/ada"); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "email_invalid" {
			t.Errorf("%s, none: %d %s", method, a.status, a.body)
		}
	}
}
