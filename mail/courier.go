// Rules of a courier:
//   - it owns one connection and keeps it for the next mail, for a while, for a number of mails, and only after an
//     orderly end;
//   - a kept connection that turns out to be dead costs nothing: the mail goes again over a new one;
//   - a connection that breaks before the mail can have been accepted gives one free retry, while an attempt may begin, then
//     counts as "later".

package mail

import (
	"bytes"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// mostMails is below what relays commonly accept over one connection.
const mostMails = 100

type courier struct {
	relay *Relay
	conn  *connection
	open  prometheus.Gauge // of all couriers
	// letter is the space for the message that it delivers.
	letter bytes.Buffer
}

// deliver hands a message to the relay. Nothing is tried again after deadline, and no content leaves leastCodeLife after it.
func (c *courier) deliver(of *recall, m Message, deadline time.Time) outcome {
	for freeRetry := true; ; {
		if c.conn != nil && (c.conn.mails >= mostMails || time.Since(c.conn.opened) > c.relay.maxAge) {
			c.close()
		}
		kept := c.conn != nil
		if !kept {
			conn, err := c.relay.open(of)
			if of.isOff() && err != nil {
				return outcome{verdict: lost, stage: StageConnect}
			}
			if err != nil {
				out := judgeOpening(err)
				out.reply = tidy(out.reply, c.relay.secrets)
				return out
			}
			c.conn = conn
			c.open.Inc()
		}
		out := c.conn.send(of, m, deadline.Add(leastCodeLife))
		stale := kept && out.stage == StageMail && (out.verdict == lost || out.verdict == ill)
		if c.conn.broken {
			c.hangUp()
		}
		switch {
		case of.isOff():
			return out
		case stale:
		case out.verdict == lost && freeRetry && time.Now().Before(deadline):
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
	c.conn.hangUp()
	c.conn = nil
	c.open.Dec()
}
