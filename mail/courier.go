// Rules of a courier:
//   - it owns one connection and keeps it for the next mail, for a while, for a number of mails, and only after an
//     orderly end;
//   - a kept connection that turns out to be dead costs nothing: the mail goes again over a new one;
//   - a connection that breaks before the mail can have been accepted gives one free retry, then counts as "later".

package mail

import (
	"bytes"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// longestIdle is shorter than the five minutes a relay should wait (RFC 5321, 4.5.3.2.7), which many do not.
	longestIdle = 20 * time.Second
	// longestOpen lets a relay behind a changed address be found again.
	longestOpen = 5 * time.Minute
	// mostMails is below what relays commonly accept over one connection.
	mostMails = 100
)

type courier struct {
	relay *Relay
	conn  *connection
	open  prometheus.Gauge // of all couriers
	// letter is the space for the message that it delivers.
	letter bytes.Buffer
}

// deliver hands a message to the relay. When ctx ends, the conversation does.
func (c *courier) deliver(ctx context.Context, m Message) outcome {
	for freeRetry := true; ; {
		if c.conn != nil && (c.conn.mails >= mostMails || time.Since(c.conn.opened) > longestOpen) {
			c.close()
		}
		kept := c.conn != nil
		if !kept {
			conn, err := c.relay.open(ctx)
			if err != nil {
				out := judgeOpening(err)
				out.reply = tidy(out.reply, c.relay.secrets)
				return out
			}
			c.conn = conn
			c.open.Inc()
		}
		out := c.conn.send(ctx, m, c.relay.sendTimeout)
		stale := kept && out.stage == StageMail && (out.verdict == lost || out.verdict == ill)
		if c.conn.broken {
			c.hangUp()
		}
		switch {
		case ctx.Err() != nil:
			return out
		case stale:
		case out.verdict == lost && freeRetry:
			freeRetry = false
		case out.verdict == lost:
			out.verdict = later
			return out
		default:
			return out
		}
	}
}

// close says goodbye.
func (c *courier) close() {
	if c.conn == nil {
		return
	}
	c.conn.quit()
	c.hangUp()
}

func (c *courier) hangUp() {
	c.conn.raw.Close()
	c.conn = nil
	c.open.Dec()
}
