package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"countersign/api"
)

// welcome prints where to go, once every part is ready.
func (n *node) welcome(ctx context.Context, out io.Writer) {
	if !n.awaitReady(ctx) {
		return
	}
	s := n.settings
	if n.roles != everything {
		n.log.WithField("internal", s.InternalAddr).Info("ready")
		return
	}
	fmt.Fprintf(out, "\nCountersign is ready.\n\n")
	fmt.Fprintf(out, "  register and verify   http://%s/\n", s.HTTPAddr)
	fmt.Fprintf(out, "  the API, described    http://%s/docs\n", s.HTTPAddr)
	fmt.Fprintf(out, "  an account's state    http://%s/users/ada@example.com\n", s.InternalAddr)
	fmt.Fprintf(out, "  Kafka                 %s\n", s.KafkaBrokerList[0])
	if n.inbox == nil {
		return
	}
	authorization := ""
	if s.InternalToken != "" {
		authorization = ` -H "Authorization: Bearer $INTERNAL_TOKEN"`
	}
	fmt.Fprintf(out, "  the inbox             http://%s/inbox/\n", s.InternalAddr)
	fmt.Fprintf(out, `
Register, look at the mail, verify:

  WHO=ada-$(date +%%s)@example.com; ID=$(curl -s http://%[1]s/api/register -H 'Content-Type: application/json' -d "{\"email\":\"$WHO\",\"first_name\":\"Ada\"}" | tee /dev/stderr | cut -d'"' -f4)
  CODE=$(sleep 1; curl -s%[3]s "http://%[2]s/inbox/messages?to=$WHO" | tee /dev/stderr | grep -oE 'use this code [0-9]{6}' | head -1 | grep -oE '[0-9]{6}')
  curl -s http://%[1]s/api/verify -H 'Content-Type: application/json' -d "{\"verification_id\":\"$ID\",\"code\":\"$CODE\"}"

Ctrl-C stops it; the next start goes on where this one ended.
`, s.HTTPAddr, s.InternalAddr, authorization)
}

// awaitReady waits until every condition of readiness holds; false if ctx ends first.
func (n *node) awaitReady(ctx context.Context) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(n.ready(), func(c api.Check) bool { return !c.Ready }) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
