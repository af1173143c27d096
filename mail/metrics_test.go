package mail_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"countersign/mail"
)

func TestMetrics_TellWhatBecameOfMails(t *testing.T) {
	r := startRelay(t, func(verb string, nth int) string {
		switch {
		case verb == "RCPT" && nth == 0:
			return "550 nobody"
		case verb == "RCPT" && nth == 1:
			return "421 busy"
		case verb == content:
			return hang
		}
		return usual
	})
	registry := prometheus.NewRegistry()
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool, cfg.Registry = 1, registry })
	const series = 15 // a result that is the first of its kind must be an increase
	if n, err := testutil.GatherAndCount(registry, "countersign_mail_results_total"); n != series || err != nil {
		t.Errorf("%d results before the first, %v", n, err)
	}
	p.queue(codeMail("m1", "ada@example.org"))
	p.result("m1", 1)
	p.queue(codeMail("m2", "bob@example.org"))
	eventually(t, "the second hangs", func() bool { return r.count(content) == 1 })
	retried := codeMail("m0", "joe@example.org")
	retried.State, retried.Attempts, retried.OccurredAt = mail.Retrying, 1, retried.OccurredAt.Add(-time.Second)
	p.sender.Update(0, retried.To, mail.Outbox{Mails: []mail.Mail{retried}}) // waits, but is no queue
	waiting := codeMail("m3", "eve@example.org")
	p.queue(waiting)
	if oldest := p.sender.Health().OldestQueued; !oldest.Equal(waiting.OccurredAt) {
		t.Errorf("oldest: %v, want %v", oldest, waiting.OccurredAt)
	}
	if seconds := gathered(t, registry, "countersign_mail_oldest_queued_seconds"); seconds <= 0 || seconds > patience.Seconds() {
		t.Errorf("oldest: %v s", seconds)
	}
	const want = `
# HELP countersign_mail_attempts_total Conversations with the relay, by the stage at which they ended and what that means.
# TYPE countersign_mail_attempts_total counter
countersign_mail_attempts_total{stage="rcpt",verdict="ill"} 1
countersign_mail_attempts_total{stage="rcpt",verdict="refused"} 1
# HELP countersign_mail_connections Connections to the relay that are open.
# TYPE countersign_mail_connections gauge
countersign_mail_connections 1
# HELP countersign_mail_conversations Connections to the relay over which a mail is under way.
# TYPE countersign_mail_conversations gauge
countersign_mail_conversations 1
# HELP countersign_mail_pending Mails waiting for an attempt.
# TYPE countersign_mail_pending gauge
countersign_mail_pending 2
# HELP countersign_mail_pool Connections to the relay that may be open.
# TYPE countersign_mail_pool gauge
countersign_mail_pool 1
# HELP countersign_mail_relay_ill 1 while the relay takes no mail.
# TYPE countersign_mail_relay_ill gauge
countersign_mail_relay_ill 1
# HELP countersign_mail_results_total Results of mails by kind and state.
# TYPE countersign_mail_results_total counter
countersign_mail_results_total{kind="account_verified",state="expired"} 0
countersign_mail_results_total{kind="account_verified",state="failed"} 0
countersign_mail_results_total{kind="account_verified",state="retrying"} 0
countersign_mail_results_total{kind="account_verified",state="sent"} 0
countersign_mail_results_total{kind="account_verified",state="uncertain"} 0
countersign_mail_results_total{kind="already_registered",state="expired"} 0
countersign_mail_results_total{kind="already_registered",state="failed"} 0
countersign_mail_results_total{kind="already_registered",state="retrying"} 0
countersign_mail_results_total{kind="already_registered",state="sent"} 0
countersign_mail_results_total{kind="already_registered",state="uncertain"} 0
countersign_mail_results_total{kind="verify_account",state="expired"} 0
countersign_mail_results_total{kind="verify_account",state="failed"} 1
countersign_mail_results_total{kind="verify_account",state="retrying"} 0
countersign_mail_results_total{kind="verify_account",state="sent"} 0
countersign_mail_results_total{kind="verify_account",state="uncertain"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"countersign_mail_attempts_total", "countersign_mail_connections", "countersign_mail_conversations", "countersign_mail_pending", "countersign_mail_pool",
		"countersign_mail_relay_ill", "countersign_mail_results_total"); err != nil {
		t.Error(err)
	}
	p.sender.Update(0, retried.To, mail.Outbox{})
	r.follow(always("", ""))
	r.cutAll()
	p.result("m3", 1)
	late := mail.Mail{ID: "m4", Kind: mail.AccountVerified, To: "joe@example.org", OccurredAt: time.Now().Add(-2 * time.Hour)}
	p.queue(late)
	p.result("m4", 1)
	all := secondsOf(t, registry)
	for kind, least := range map[mail.Kind]float64{mail.VerifyAccount: 0, mail.AccountVerified: 7200} {
		if of := all[string(kind)]; of.mails != 1 || of.seconds <= least || of.seconds > least+patience.Seconds() {
			t.Errorf("of %s there are %+v", kind, of)
		}
	}
	if len(all) != 2 {
		t.Errorf("there are %+v", all)
	}
	p.stop()
	if open := gathered(t, registry, "countersign_mail_connections"); open != 0 {
		t.Errorf("%v connections are open in the end", open)
	}
}

// took is how many mails of a kind were taken, and how long that was for all of them.
type took struct {
	mails   uint64
	seconds float64
}

// secondsOf is what countersign_mail_seconds has of each kind.
func secondsOf(t *testing.T, registry *prometheus.Registry) map[string]took {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]took{}
	for _, f := range families {
		if f.GetName() != "countersign_mail_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			of[m.GetLabel()[0].GetValue()] = took{m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum()}
		}
	}
	return of
}

// gathered is the value of a gauge without labels.
func gathered(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
