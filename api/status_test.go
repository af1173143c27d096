package api_test

import (
	"net/http"
	"testing"
	"time"

	"countersign/api"
)

func (s *site) status(id string) map[string]any {
	s.t.Helper()
	a := s.do(http.MethodGet, "/api/verifications/"+id, "", "", "")
	if a.status != http.StatusOK {
		s.t.Fatalf("got %d %s", a.status, a.body)
	}
	return a.json(s.t)
}

func TestStatus_FollowsTheVerification(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	other, _ := s.register("ada@example.com")
	got := s.status(id)
	if got["status"] != "pending" || got["email"] != "ada@example.com" || got["first_name"] != "Ada" || got["attempts_remaining"] != 5.0 {
		t.Errorf("pending: %v", got)
	}
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": wrongCode(code)})
	if got := s.status(id); got["attempts_remaining"] != 4.0 {
		t.Errorf("after a wrong code: %v", got)
	}
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	if got := s.status(id); got["status"] != "verified" {
		t.Errorf("proven: %v", got)
	}
	if got := s.status(other); got["status"] != "expired" {
		t.Errorf("closed by the other: %v", got)
	}
}

func TestStatus_AfterTenMinutes_IsExpired(t *testing.T) {
	s := newSite(t)
	s.set(func(f *fold) { f.now = time.Now().Add(-10 * time.Minute) })
	id, _ := s.register("ada@example.com")
	if got := s.status(id); got["status"] != "expired" || got["expires_in"] != 0.0 {
		t.Errorf("got %v", got)
	}
}

func TestStatus_BeforeTheViewShowsIt_IsPending(t *testing.T) {
	s := newSite(t)
	s.set(func(f *fold) { f.lost = true })
	id, _ := s.register("ada@example.com")
	if got := s.status(id); got["status"] != "pending" || got["mail"] != "accepted" {
		t.Errorf("got %v", got)
	}
}

func TestStatus_MailIsUndeliverable_WhenTheOwnOneFailed_OrBeforeItsAnswerTheLastOne(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	own := s.sent()[0].VerificationID
	for _, c := range []struct {
		mails []api.Mail // newest first
		want  string
	}{
		{nil, "accepted"},
		{[]api.Mail{{VerificationID: own, State: "retrying", Reply: "451 greylisted"}}, "accepted"},
		{[]api.Mail{{VerificationID: "another", State: "failed"}, {VerificationID: own, State: "sent"}}, "accepted"},
		{[]api.Mail{{VerificationID: own, State: "failed"}}, "undeliverable"},
		{[]api.Mail{{VerificationID: own, State: "queued"}, {VerificationID: own, State: "failed"}}, "undeliverable"},
		// Of an address that is verified there is no mail of its own, once a day has had its notice.
		{[]api.Mail{{VerificationID: "another", State: "failed"}}, "undeliverable"},
		{[]api.Mail{{VerificationID: own, State: "queued"}, {VerificationID: "another", State: "failed"}}, "undeliverable"},
		{[]api.Mail{{VerificationID: "another", State: "sent"}, {VerificationID: "another", State: "failed"}}, "accepted"},
		{[]api.Mail{{VerificationID: "another", State: "expired"}, {VerificationID: "another", State: "failed"}}, "undeliverable"},
		{[]api.Mail{{VerificationID: own, State: "failed", Stage: "suppressed"}}, "undeliverable"},
		{[]api.Mail{{VerificationID: own, State: "expired"}}, "accepted"},
		{[]api.Mail{{VerificationID: own, State: "uncertain"}}, "accepted"},
	} {
		s.set(func(f *fold) { f.mails["ada@example.com"] = c.mails })
		if got := s.status(id); got["mail"] != c.want {
			t.Errorf("with %v: %v", c.mails, got)
		}
	}
}

func TestStatus_WithoutAMailSlot_NothingIsSaidOfOtherMails(t *testing.T) {
	s := newSite(t)
	s.register("ada@example.com")
	id, _ := s.register("ada@example.com") // within the same minute
	s.set(func(f *fold) { f.mails["ada@example.com"] = []api.Mail{{VerificationID: "another", State: "failed"}} })
	if got := s.status(id); got["mail"] != "accepted" {
		t.Errorf("got %v", got)
	}
}
