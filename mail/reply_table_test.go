package mail_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/mail"
)

// What the sender does after a reply.
const (
	// ill: waits until the relay is well; the mail counts no attempt.
	ill = "ill"
	// config: the same, with an alarm.
	config = "config"
	// later: one attempt, then a retry.
	later = "later"
	// lost: tries once more for free, then as later.
	lost = "lost"
	// refused: failed for good.
	refused = "refused"
	// unknown: sends once more, with the same Message-ID.
	unknown = "unknown"
	// sent: the relay has it.
	sent = "sent"
	// nothing: does not matter any more.
	nothing = "nothing"
)

// replyTable says for each stage what follows from each answer, which comes as often as the relay is asked.
var replyTable = struct {
	answers []string
	stages  []struct {
		verb  string
		after string
	}
}{
	answers: []string{
		"255 hm", "355 hm", "451 no", "421 busy", "454 busy", "550 no", "535 you?", "gibberish", cut, hang, stall, partial, endless,
	},
	stages: []struct{ verb, after string }{
		{greeting, "ill ill ill ill ill config config ill ill ill ill ill ill"},
		{"EHLO", "ill ill ill ill ill config config ill ill ill ill ill ill"},
		{"STARTTLS", "ill ill ill ill ill config config ill ill ill ill ill ill"},
		{"AUTH", "ill ill ill ill ill config config ill ill ill ill ill ill"},
		{"MAIL", "later later later ill ill config config lost lost lost lost lost lost"},
		{"RCPT", "sent later later ill ill refused config lost lost lost lost lost lost"},
		{"DATA", "later later later ill ill refused config lost lost lost lost lost lost"},
		{content, "sent unknown later ill ill refused config unknown unknown unknown unknown unknown unknown"},
		{"QUIT", strings.Repeat("nothing ", 13)},
	},
}

func TestSender_EachAnswerAtEachStage_IsFollowedByWhatTheTableSays(t *testing.T) {
	for _, stage := range replyTable.stages {
		for i, want := range strings.Fields(stage.after) {
			answer := replyTable.answers[i]
			check := func(t *testing.T, extensions ...string) {
				t.Parallel()
				c := converse(t, stage.verb, answer, extensions...)
				c.follows(want)
				if logged := c.post.logged(); strings.Contains(logged, secretCode) || strings.Contains(logged, "pa55word") || strings.Contains(logged, "ada@") {
					t.Errorf("log: %s", logged)
				}
			}
			t.Run(stage.verb+"/"+answer+"/"+want, func(t *testing.T) { check(t) })
			if strings.Contains("MAIL RCPT DATA "+content, stage.verb) {
				t.Run(stage.verb+"/"+answer+"/"+want+"/pipelining", func(t *testing.T) { check(t, "PIPELINING") })
			}
		}
	}
}

// conversation is a mail to a relay that answers otherwise at one stage.
type conversation struct {
	t     *testing.T
	verb  string
	relay *scriptedRelay
	post  *post
}

// converse begins one. Where only a timeout ends the stage, the conversation must come there in that time: on a machine that
// is too slow for it, it begins anew with twice the time. Before MAIL the sender itself tries until it does.
func converse(t *testing.T, verb, answer string, extensions ...string) *conversation {
	t.Helper()
	to := mail.RelayConfig{ConnectTimeout: patience, SendTimeout: patience, ContentTimeout: patience}
	const short = 500 * time.Millisecond
	switch {
	case answer != hang && answer != stall, verb == "QUIT": // a goodbye has a timeout of its own
	case stageOf[verb] == "":
		to.ConnectTimeout = short
	default:
		for to.SendTimeout = short; to.SendTimeout < patience/4; to.SendTimeout *= 2 {
			to.ContentTimeout = to.SendTimeout
			if c := begin(t, verb, answer, to, extensions); c.timesOutThere() {
				return c
			}
		}
	}
	return begin(t, verb, answer, to, extensions)
}

func begin(t *testing.T, verb, answer string, to mail.RelayConfig, extensions []string) *conversation {
	t.Helper()
	c := &conversation{t: t, verb: verb}
	c.relay = startRelay(t, always(verb, answer), func(r *scriptedRelay) {
		r.extensions = append(slices.Clone(extensions), "AUTH PLAIN")
		if verb == "STARTTLS" {
			r.extensions = append(r.extensions, "STARTTLS")
			r.tls, to.TLS = certificate(t)
		}
	})
	to.URL = "smtp://user:pa55word@" + c.relay.addr()
	c.post = startPost(t, to)
	c.post.queue(codeMail("m1", "ada@example.org"))
	return c
}

// stageOf is where a result says that a mail ended; before MAIL there is none.
var stageOf = map[string]mail.Stage{"MAIL": mail.StageMail, "RCPT": mail.StageRcpt, "DATA": mail.StageData, content: mail.StageContent}

// timesOutThere waits until the mail is given up, and says whether each conversation came to the stage and no further.
func (c *conversation) timesOutThere() bool {
	c.t.Helper()
	return c.post.result("m1", 1).Stage == stageOf[c.verb] && c.relay.count(c.verb) == c.relay.count(greeting)
}

func (c *conversation) follows(want string) {
	c.t.Helper()
	switch want {
	case ill, config:
		eventually(c.t, "the relay is found ill", func() bool { return !c.post.sender.Health().RelayIllSince.IsZero() })
		eventually(c.t, "it is tried again", func() bool { return c.relay.count(c.verb) > 1 })
		c.relay.follow(always("", ""))
		c.results(mail.Sent)
		if alarm := strings.Contains(c.post.logged(), "level=error"); alarm != (want == config) {
			c.t.Errorf("alarm: %s", c.post.logged())
		}
	case sent:
		c.results(mail.Sent)
	case refused:
		c.results(mail.Failed)
	case later:
		c.results(mail.Retrying)
		c.asked(1)
	case lost:
		c.results(mail.Retrying)
		c.asked(2)
	case unknown:
		first := c.results(mail.Uncertain)
		c.asked(1)
		c.relay.follow(always("", ""))
		row := mail.Outbox{Mails: []mail.Mail{codeMail("m1", "ada@example.org")}}
		row.Mails[0].State, row.Mails[0].Attempts = mail.Uncertain, 1 // as if the delay were over
		c.post.sender.Update(0, "ada@example.org", row)
		if d := c.post.result("m1", 2); d.State != mail.Sent || d.Attempt != 2 || d.MessageID != first.MessageID {
			c.t.Errorf("sent again: %+v", d)
		}
	case nothing:
		c.results(mail.Sent)
		c.post.stop()
		c.asked(1)
		if logged := c.post.logged(); strings.Contains(logged, "level=warn") || strings.Contains(logged, "level=error") {
			c.t.Errorf("log: %s", logged)
		}
	}
}

// results waits for the first result, which counts one attempt, and is at the stage unless the mail was sent.
func (c *conversation) results(want mail.State) mail.Delivery {
	c.t.Helper()
	d := c.post.result("m1", 1)
	if d.State != want || d.Attempt != 1 || want != mail.Sent && d.Stage != stageOf[c.verb] {
		c.t.Fatalf("result: %+v, want %s at %s", d, want, stageOf[c.verb])
	}
	return d
}

// asked expects how often the relay was brought to the stage.
func (c *conversation) asked(want int) {
	c.t.Helper()
	if n := c.relay.count(c.verb); n != want {
		c.t.Errorf("%d times at the stage, want %d", n, want)
	}
}

func TestSender_ARelayThatHangsAtRSET_HoldsUpNobody(t *testing.T) {
	r := startRelay(t, func(verb string, nth int) string {
		switch {
		case verb == "RCPT" && nth == 0:
			return "450 later"
		case verb == "RSET":
			return hang
		}
		return usual
	})
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	p.queue(codeMail("m1", "ada@example.org"))
	p.queue(codeMail("m2", "bob@example.org"))
	if d := p.result("m1", 1); d.State != mail.Retrying {
		t.Errorf("result: %+v", d)
	}
	if d := p.result("m2", 1); d.State != mail.Sent || r.count(greeting) != 2 {
		t.Errorf("the next: %+v over %d connections, want 2", d, r.count(greeting))
	}
}
