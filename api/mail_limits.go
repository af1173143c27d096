package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/user"
)

// Rules:
//   - so many requests for a mail an hour to one mailbox, whatever tags its address has, and to one domain: tags and a domain
//     that takes any name must not get around the limits of an address (OWASP ASVS 5.0 6.6.3);
//   - of either, one client has at most a fifth: alone it keeps nobody from getting mail;
//   - beyond, the command is sent all the same and asks for no mail, and the answer is as ever: it would tell what others did.

const (
	perMailbox      = time.Hour
	mailsPerMailbox = 30
	clientShare     = 5
)

// mailLimit bounds how many mails may be asked for by the same key.
type mailLimit struct {
	of        func(email string) string
	all, each *limit // of everybody, and of each client
	withheld  prometheus.Counter
}

// newMailLimits returns the limits of mailboxes and domains.
func newMailLimits(perDomain int, withheld *prometheus.CounterVec) []mailLimit {
	bound := func(name string, most int, of func(string) string) mailLimit {
		return mailLimit{
			of: of, withheld: withheld.WithLabelValues(name),
			all: newLimit(name, most, perMailbox), each: newLimit(name, max(1, most/clientShare), perMailbox),
		}
	}
	return []mailLimit{bound("mailbox", mailsPerMailbox, mailbox), bound("domain", perDomain, domain)}
}

// newWithheld counts the mails that a limit withholds.
func newWithheld(registry prometheus.Registerer) (*prometheus.CounterVec, error) {
	withheld := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "countersign_mails_withheld_total",
		Help: "Requests for a mail that got none, because too many were asked for to the same mailbox or domain.",
	}, []string{"limit"})
	if registry != nil {
		if err := registry.Register(withheld); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return withheld, nil
}

// askMail puts into a command that asks for a mail who asks, and whether there may be one.
func (p *public) askMail(ctx context.Context, c *user.Command) {
	c.Client = p.Secrets.First().Client(clientOf(ctx).addr)
	for _, l := range p.mails {
		key := l.of(c.Email)
		if !l.each.take(c.Client+" "+key, time.Now()).taken || !l.all.take(key, time.Now()).taken {
			l.withheld.Inc()
			c.WithholdMail = true
			return
		}
	}
}

// mailbox is an address without its tag.
func mailbox(email string) string {
	local, host, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + host
}

func domain(email string) string {
	_, host, _ := strings.Cut(email, "@")
	return host
}
