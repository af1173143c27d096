package mail_test

import (
	"strings"
	"testing"

	"countersign/mail"
)

func TestConversation_WithoutPipelining_WaitsForEachAnswer(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r))
	p.queue(codeMail("m1", "ada@example.org"))
	if d := p.result("m1", 1); d.State != mail.Sent || r.pipelined() != 0 {
		t.Errorf("%d mails were pipelined, result: %+v", r.pipelined(), d)
	}
}

func TestConversation_ALineThatBeginsWithADot_ArrivesWhole(t *testing.T) {
	r := startRelay(t, always("", ""))
	composer, err := mail.NewComposer(mail.ComposerConfig{
		From: "no-reply@example.com", TemplateDir: templates(t, "layout/layout.txt", "{{define \"layout\"}}.\n.{{template \"first\" .}}\n{{.Code}} {{.Link}} {{.Dispute}}\n.{{end}}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Composer = composer })
	p.queue(codeMail("m1", "ada@example.org"))
	p.result("m1", 1)
	if mails := r.mails(); len(mails) != 1 || !strings.Contains(mails[0], "\r\n=2E\r\n=2E314159 is your") {
		t.Errorf("on the wire: %q", mails)
	}
}

// pipelining makes a relay offer it.
func pipelining(r *scriptedRelay) { r.extensions = []string{"PIPELINING", "SIZE 1000000"} }

func TestConversation_WithPipelining_AsksForTheThreeTogether(t *testing.T) {
	r := startRelay(t, always("", ""), pipelining)
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	for _, id := range []string{"m1", "m2"} {
		p.queue(codeMail(id, "ada@example.org"))
		if d := p.result(id, 1); d.State != mail.Sent {
			t.Errorf("result: %+v", d)
		}
	}
	if n := r.pipelined(); n != 2 || r.count(greeting) != 1 {
		t.Errorf("MAIL, RCPT and DATA came together %d times over %d connections, want 2 over 1", n, r.count(greeting))
	}
	if said := r.said(); !strings.Contains(said, "MAIL FROM:<no-reply@example.com> SIZE=") {
		t.Errorf("conversation: %s", said)
	}
}

func TestConversation_WithPipelining_ARecipientThatIsRefused_LeavesTheConnectionToTheNext(t *testing.T) {
	r := startRelay(t, func(verb string, nth int) string {
		switch {
		case verb == "RCPT" && nth == 0:
			return "450 later"
		case verb == "DATA" && nth == 0:
			return "503 whom for?"
		}
		return usual
	}, pipelining)
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	p.queue(codeMail("m1", "ada@example.org"))
	if d := p.result("m1", 1); d.State != mail.Retrying || d.Stage != mail.StageRcpt || d.Reply != "450 later" {
		t.Errorf("result: %+v", d)
	}
	p.queue(codeMail("m2", "bob@example.org"))
	if d := p.result("m2", 1); d.State != mail.Sent || r.count(greeting) != 1 || r.count("RSET") != 1 {
		t.Errorf("the next: %+v over %d connections with %d RSET, want 1 and 1", d, r.count(greeting), r.count("RSET"))
	}
}

func TestConversation_WithPipelining_ARelayThatWaitsForContentOfARefusedMail_GetsNone(t *testing.T) {
	for verb, stage := range map[string]mail.Stage{"MAIL": mail.StageMail, "RCPT": mail.StageRcpt} {
		t.Run(verb, func(t *testing.T) {
			r := startRelay(t, once(verb, "450 later"), pipelining) // and grants DATA
			p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
			p.queue(codeMail("m1", "ada@example.org"))
			if d := p.result("m1", 1); d.State != mail.Retrying || d.Stage != stage {
				t.Errorf("result: %+v", d)
			}
			p.queue(codeMail("m2", "bob@example.org"))
			if d := p.result("m2", 1); d.State != mail.Sent || r.count(greeting) != 2 {
				t.Errorf("the next: %+v over %d connections, want 2", d, r.count(greeting))
			}
			if mails := r.mails(); len(mails) != 1 || !strings.Contains(mails[0], "bob@example.org") {
				t.Errorf("mails: %q", mails)
			}
		})
	}
}

func TestConversation_WithPipelining_ARelayThatIsSilentAfterARefusal_HoldsUpNobody(t *testing.T) {
	r := startRelay(t, func(verb string, nth int) string {
		switch {
		case verb == "RCPT" && nth == 0:
			return "550 no such user"
		case verb == "DATA" && nth == 0:
			return hang
		}
		return usual
	}, pipelining)
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	p.queue(codeMail("m1", "ada@example.org"))
	p.queue(codeMail("m2", "bob@example.org"))
	if d := p.result("m1", 1); d.State != mail.Failed || d.Stage != mail.StageRcpt {
		t.Errorf("result: %+v", d)
	}
	if d := p.result("m2", 1); d.State != mail.Sent || r.count(greeting) != 2 {
		t.Errorf("the next: %+v over %d connections, want 2", d, r.count(greeting))
	}
}
