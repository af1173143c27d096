// Rules of a mail's conversation (RFC 5321, 3.3):
//   - where the relay offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave together: a mail takes two ways there and back
//     and not four, and two writes;
//   - the content leaves only after all three were granted, and while the mail is of use; then there is longer to wait;
//   - the first answer that grants nothing is the mail's, at the stage of its command. What was asked besides is heard to
//     the end; a relay that waits for content then is left alone (RFC 2920, 3.1: it may, though it refused the recipient).

package mail

import (
	"errors"
	"strconv"
	"time"
)

// The answers that are granted: a code, or how one begins.
const (
	granted    = 250
	recipient  = 25 // 251 and 252 mean that the relay takes care of it
	startInput = 354
)

// converse hands one message over and returns the last stage it came to, and with what words it was taken. No content leaves
// after deadline.
func (c *connection) converse(of *recall, m Message, deadline time.Time) (last Stage, taken string, err error) {
	if limit := time.Now().Add(c.sendTimeout); limit.Before(deadline) {
		deadline = limit
	}
	if err := c.raw.SetDeadline(deadline); err != nil {
		return StageMail, "", err
	}
	from := "MAIL FROM:<" + m.From + ">"
	if c.wire.offers["SIZE"] {
		from += " SIZE=" + strconv.Itoa(len(m.Text))
	}
	steps := [...]struct {
		stage   Stage
		command string
		grants  int
	}{
		{StageMail, from, granted},
		{StageRcpt, "RCPT TO:<" + m.To + ">", recipient},
		{StageData, "DATA", startInput},
	}
	c.unheard = 0
	if c.wire.offers["PIPELINING"] {
		if err := c.say(steps[0].command, "\r\n", steps[1].command, "\r\n", steps[2].command, "\r\n"); err != nil {
			return StageMail, "", err
		}
		c.unheard = len(steps)
	}
	for _, step := range steps {
		if c.unheard == 0 {
			if err := c.say(step.command, "\r\n"); err != nil {
				return step.stage, "", err
			}
			c.unheard = 1
		}
		if _, err := c.hear(step.grants); err != nil {
			return step.stage, "", err
		}
	}
	if err := c.raw.SetDeadline(time.Now().Add(c.contentTimeout)); err != nil {
		return StageData, "", err
	}
	if !of.hands() {
		return StageData, "", errCalledOff
	}
	if _, err := c.wire.Write(append(m.Text, ".\r\n"...)); err != nil {
		return StageContent, "", err
	}
	c.unheard = 1
	taken, err = c.hear(granted)
	return StageContent, taken, err
}

// say writes words at once.
func (c *connection) say(words ...string) error {
	c.said = c.said[:0]
	for _, word := range words {
		c.said = append(c.said, word...)
	}
	_, err := c.wire.Write(c.said)
	return err
}

// hear reads an answer, which is an error unless its code begins with grants.
func (c *connection) hear(grants int) (words string, err error) {
	c.unheard--
	_, words, err = c.answers.ReadResponse(grants)
	return words, err
}

// courtesy is how long a relay has for what changes nothing of a mail's result: the rest of its answers, RSET and QUIT.
const courtesy = time.Second

var errWaits = errors.New("the relay waits for a content that it will not get")

// reset ends a mail's conversation where the next can begin.
func (c *connection) reset() error {
	if err := c.raw.SetDeadline(time.Now().Add(courtesy)); err != nil {
		return err
	}
	for c.unheard > 0 {
		c.unheard--
		code, _, err := c.answers.ReadResponse(0)
		if err != nil {
			return err
		}
		if code == startInput {
			return errWaits
		}
	}
	return c.client.Reset()
}
