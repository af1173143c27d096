package mail_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/mail"
)

// tarpits are recipients at whose RCPT the relay hangs.
var tarpits = map[string][]string{
	"no one":        nil,
	"one recipient": {"tar@0.example"},
	"one domain":    recipients(250, func(n int) string { return fmt.Sprintf("%d@tar.example", n) }),
}

func recipients(n int, name func(int) string) (all []string) {
	for i := range n {
		all = append(all, name(i))
	}
	return all
}

// besideTarpits sends ordinary mails to forty domains, and before them those to the tarpits.
func besideTarpits(t testing.TB, ordinary int, tarpits []string) (r *scriptedRelay, p *post, began time.Time) {
	t.Helper()
	r = startRelay(t, always("", ""))
	r.follow(func(verb string, _ int) string {
		if verb == "RCPT" && strings.Contains(r.commands[len(r.commands)-1], "tar") {
			return hang
		}
		return usual
	})
	p = startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool, cfg.StopTimeout = 16, 100*time.Millisecond })
	rows := make(map[string]mail.Outbox)
	for i, to := range append(slices.Clone(tarpits), recipients(ordinary, func(n int) string { return fmt.Sprintf("%d@%d.example", n, n%40) })...) {
		m := codeMail(fmt.Sprint(i), to)
		m.State, m.OccurredAt = mail.Queued, m.OccurredAt.Add(time.Duration(i)*time.Nanosecond)
		rows[to] = mail.Outbox{Mails: []mail.Mail{m}}
	}
	p.mu.Lock()
	maps.Copy(p.rows, rows)
	p.mu.Unlock()
	began = time.Now()
	p.sender.Assign(1, maps.All(rows))
	eventually(t, "all but the tarpits' are sent", func() bool { return r.count(content) >= ordinary })
	return r, p, began
}

func TestSender_TarpitsAmongOthers_HoldAQuarterOfThePoolAtMostAndNobodyElse(t *testing.T) {
	const ordinary = 300
	for name, want := range map[string]int{"one recipient": 1, "one domain": 4} {
		t.Run(name, func(t *testing.T) {
			r, _, _ := besideTarpits(t, ordinary, tarpits[name])
			if n := strings.Count(r.said(), "RCPT TO:<") - ordinary; n != want {
				t.Errorf("%d conversations hang, want %d", n, want)
			}
		})
	}
}

// The difference between the medians is what a tarpit costs everybody else.
func BenchmarkSender_BesideATarpit(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(tarpits)) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				_, p, began := besideTarpits(b, 1000, tarpits[name])
				p.mu.Lock()
				for _, d := range p.results {
					took = append(took, d.OccurredAt.Sub(began))
				}
				p.mu.Unlock()
				p.stop()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/p99")
		})
	}
}
