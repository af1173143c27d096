package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"countersign/api"
)

// asksMail registers an address from a client, and says whether the command asks for a mail.
func (s *site) asksMail(client, email string) (bool, answer) {
	s.t.Helper()
	a := s.ask(http.MethodPost, "/api/register", client+":1", object("email", email, "first_name", "Ada"))
	if a.status != http.StatusAccepted {
		s.t.Fatalf("register: %d %s", a.status, a.body)
	}
	sent := s.sent()
	return !sent[len(sent)-1].WithholdMail, a
}

func TestMailLimits_OfAMailbox_CountAllItsTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		s := newHandler(t, limited(1000), func(c *api.Config) { c.Registry = registry })
		mails, first := 0, answer{}
		for i := range 40 {
			mailed, a := s.asksMail(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("ada+%d@example.com", i))
			if mailed {
				mails++
			}
			if i == 0 {
				first = a
			} else if len(a.body) > len(first.body)+2 || len(a.header) != len(first.header) {
				t.Errorf("number %d is told apart: %s %v", i, a.body, a.header)
			}
		}
		if mails != 30 {
			t.Errorf("%d mails to one mailbox in an hour", mails)
		}
		if mailed, _ := s.asksMail("192.0.2.99", "grace@example.com"); !mailed {
			t.Error("another mailbox gets none")
		}
		if n, err := testutil.GatherAndCount(registry, "countersign_mails_withheld_total"); err != nil || n == 0 {
			t.Errorf("not measured: %d, %v", n, err)
		}
		time.Sleep(2 * time.Hour)
		if mailed, _ := s.asksMail("192.0.2.99", "ada@example.com"); !mailed {
			t.Error("none after two hours")
		}
	})
}

func TestMailLimits_OneClientAlone_LeavesMostToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t, limited(1000), func(c *api.Config) { c.DomainMails = 10 })
		mails := 0
		for i := range 100 {
			if mailed, _ := s.asksMail("192.0.2.1", fmt.Sprintf("ada%d@example.com", i)); mailed {
				mails++
			}
		}
		if mails != 2 {
			t.Errorf("%d mails of one client", mails)
		}
		if mailed, _ := s.asksMail("192.0.2.2", "ada@example.com"); !mailed {
			t.Error("another client gets none")
		}
		if mailed, _ := s.asksMail("192.0.2.1", "ada@example.org"); !mailed {
			t.Error("another domain gets none")
		}
	})
}

func TestMailLimits_OfAResend_AreTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t, limited(1000), func(c *api.Config) { c.DomainMails = 1 })
		id, _ := s.registerFrom("192.0.2.1:1")
		if a := s.ask(http.MethodPost, "/api/resend", "192.0.2.1:1", object("verification_id", id)); a.status != http.StatusAccepted {
			t.Fatalf("resend: %d %s", a.status, a.body)
		}
		if sent := s.sent(); !sent[1].WithholdMail || sent[0].Client == "" || sent[0].Client != sent[1].Client {
			t.Errorf("sent %+v", sent)
		}
	})
}
