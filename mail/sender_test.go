package mail_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"countersign/mail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// post is a sender and the outbox behind it: what is queued is committed, then told to the sender, and each result is
// settled in the rows, as the processor would.
type post struct {
	t      testing.TB
	sender *mail.Sender
	log    *bytes.Buffer
	stop   func()

	logs sync.Mutex

	mu      sync.Mutex
	rows    map[string]mail.Outbox
	told    []mail.Delivery
	results []mail.Delivery
	// refuse fails a report before it is written.
	refuse func(mail.Delivery) error
	// deaf keeps results from being settled.
	deaf bool
	// early lets retries begin at once.
	early bool
}

type lockedLog struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

const secretCode = "314159"

func letters(mail.Mail) (mail.Letter, error) {
	return mail.Letter{Code: secretCode, Link: "https://example.com/#handle.sesame"}, nil
}

func startPost(t testing.TB, relay mail.RelayConfig, changes ...func(*mail.SenderConfig)) *post {
	t.Helper()
	composer, err := ordinary()
	if err != nil {
		t.Fatal(err)
	}
	relay.ConnectTimeout = cmp.Or(relay.ConnectTimeout, 2*time.Second)
	to, err := mail.NewRelay(relay)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{t: t, rows: make(map[string]mail.Outbox), log: new(bytes.Buffer)}
	log := logrus.New()
	log.SetLevel(logrus.DebugLevel)
	log.SetOutput(lockedLog{&p.logs, p.log})
	cfg := mail.SenderConfig{
		Relay: to, Composer: composer, Letters: letters, Report: p.report, Pool: 4,
		RevokeTimeout: 2 * time.Second, RelayRest: 20 * time.Millisecond, Log: log,
	}
	for _, change := range changes {
		change(&cfg)
	}
	if p.sender, err = mail.NewSender(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.sender.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(p.stop)
	p.sender.Assign(0, maps.All(map[string]mail.Outbox{}))
	return p
}

func (p *post) report(_ context.Context, all []mail.Delivery) []error {
	var failures []error
	for _, d := range all {
		failures = append(failures, p.settle(d))
	}
	return failures
}

func (p *post) settle(d mail.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != nil {
		if err := p.refuse(d); err != nil {
			return err
		}
	}
	p.results = append(p.results, d)
	if p.deaf {
		return nil
	}
	// The row may well come before the acknowledgement does.
	var told []mail.Delivery
	row := p.rows[d.Email]
	row, told = row.Settle(d, time.Now())
	if p.early {
		for i := range row.Mails {
			row.Mails[i].NotBefore = time.Time{}
		}
	}
	p.rows[d.Email] = row
	p.told = append(p.told, told...)
	p.sender.Update(0, d.Email, row)
	return nil
}

// queue commits a mail and tells the sender.
func (p *post) queue(m mail.Mail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	row, told := p.rows[m.To].Queue(m, false, time.Now())
	p.rows[m.To], p.told = row, append(p.told, told...)
	p.sender.Update(0, m.To, row)
}

// states are the results of one mail, in order.
func (p *post) states(id string) (states []mail.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.results {
		if d.MailID == id {
			states = append(states, d.State)
		}
	}
	return states
}

// result waits for the nth (from 1) result of a mail.
func (p *post) result(id string, nth int) mail.Delivery {
	p.t.Helper()
	var d mail.Delivery
	eventually(p.t, fmt.Sprintf("result %d of %s", nth, id), func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		n := 0
		for _, d = range p.results {
			if d.MailID == id {
				if n++; n == nth {
					return true
				}
			}
		}
		return false
	})
	return d
}

func (p *post) logged() string {
	p.logs.Lock()
	defer p.logs.Unlock()
	return p.log.String()
}

func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// codeMail is a mail to an address with a code that lives for ten minutes.
func codeMail(id, to string) mail.Mail {
	now := time.Now()
	return mail.Mail{
		ID: id, Kind: mail.VerifyAccount, To: to, FirstName: "Ada", UserID: "user of " + to, VerificationID: "verification of " + to,
		Sequence: 1, OpenedAt: now, OccurredAt: now, CodeExpiresAt: now.Add(10 * time.Minute),
	}
}

func plain(r *scriptedRelay) mail.RelayConfig { return mail.RelayConfig{URL: "smtp://" + r.addr()} }

func TestSender_AQueuedMail_IsSentOnceAndReported(t *testing.T) {
	r := startRelay(t, always(content, "250 2.0.0 queued as 7A1 for <ada@example.org>"))
	p := startPost(t, plain(r))
	p.queue(codeMail("m1", "ada@example.org"))

	d := p.result("m1", 1)
	if d.State != mail.Sent || d.Attempt != 1 || d.By != mail.BySender || d.MessageID != "m1@example.com" || d.Email != "ada@example.org" {
		t.Errorf("result: %+v", d)
	}
	if d.Stage != mail.StageContent || d.Reply != "250 2.0.0 queued as 7A1 for <…>" {
		t.Errorf("the relay's words: %q at %s", d.Reply, d.Stage)
	}
	if mails := r.mails(); len(mails) != 1 || !strings.Contains(mails[0], "Message-ID: <m1@example.com>") || !strings.Contains(mails[0], secretCode) {
		t.Errorf("mails: %q", mails)
	}
	if strings.Contains(p.logged(), secretCode) || strings.Contains(p.logged(), "ada@") {
		t.Errorf("log: %s", p.logged())
	}
}

func TestSender_ARelayThatIsDown_DelaysMailsUntilItIsUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	p := startPost(t, mail.RelayConfig{URL: "smtp://" + addr})
	p.queue(codeMail("m1", "ada@example.org"))
	eventually(t, "the relay is found ill", func() bool { return !p.sender.Health().RelayIllSince.IsZero() })
	if h := p.sender.Health(); !h.Ready || !strings.Contains(h.RelayReason, "refused") {
		t.Errorf("health: %+v", h)
	}
	// A mail whose time runs out meanwhile expires, relay or not.
	late := codeMail("m2", "bob@example.org")
	late.CodeExpiresAt = time.Now().Add(time.Minute + 100*time.Millisecond)
	p.queue(late)
	if d := p.result("m2", 1); d.State != mail.Expired || d.Attempt != 0 {
		t.Errorf("late: %+v", d)
	}
	r := startRelay(t, always("", ""), func(r *scriptedRelay) {
		r.listener.Close()
		if r.listener, err = net.Listen("tcp", addr); err != nil {
			t.Skipf("the port was taken meanwhile: %v", err)
		}
	})
	if d := p.result("m1", 1); d.State != mail.Sent || d.Attempt != 1 {
		t.Errorf("result: %+v", d)
	}
	if n := len(r.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestSender_ARelayThatRefusesOneMailAsIll_StillTakesTheOthers(t *testing.T) {
	r := startRelay(t, always("", ""))
	r.follow(func(verb string, nth int) string {
		if verb == "RCPT" && strings.HasSuffix(r.commands[len(r.commands)-1], "<poison@example.org>") {
			return "421 cannot bear it"
		}
		return usual
	})
	p := startPost(t, plain(r))
	p.queue(codeMail("poison", "poison@example.org"))
	for i := range 20 {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("%d@example.org", i)))
	}
	for i := range 20 {
		if d := p.result(fmt.Sprint(i), 1); d.State != mail.Sent {
			t.Errorf("%+v", d)
		}
	}
}

func TestSender_ARelayThatGreetsAndHangsUp_IsNotTakenForWell(t *testing.T) {
	for _, verb := range []string{"MAIL", content} {
		t.Run(verb, func(t *testing.T) {
			r := startRelay(t, once(verb, "421 busy"))
			p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
			p.queue(codeMail("m0", "ada@example.org"))
			eventually(t, "the relay is found ill", func() bool { return r.count(verb) == 1 })
			r.follow(always(verb, cut))
			for i := range 3 {
				p.queue(codeMail(fmt.Sprint("m", i+1), fmt.Sprintf("%d@example.org", i)))
				p.result(fmt.Sprint("m", i+1), 1)
				if h := p.sender.Health(); h.RelayIllSince.IsZero() || strings.Contains(p.logged(), "well again") {
					t.Fatalf("after %d mails that broke off: %+v", i+1, h)
				}
			}
			r.follow(always("", ""))
			p.queue(codeMail("last", "eve@example.org"))
			if d := p.result("last", 1); d.State != mail.Sent || !strings.Contains(p.logged(), "well again") {
				t.Errorf("result: %+v, log: %s", d, p.logged())
			}
		})
	}
}

func TestSender_MailsThatTheRelayCannotBear_HoldUpNoOther(t *testing.T) {
	for name, domain := range map[string]string{"of one domain": "poison.example", "of many": "%d.poison.example"} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, always("", ""))
			r.follow(func(verb string, _ int) string {
				if verb == "RCPT" && strings.Contains(r.commands[len(r.commands)-1], "poison") {
					return "454 4.7.1 Relay access denied"
				}
				return usual
			})
			p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.RelayRest = 5 * time.Millisecond })
			for i := range 12 {
				p.queue(codeMail(fmt.Sprint("poison", i), strings.ReplaceAll(fmt.Sprintf("%d@", i)+domain, "%d", fmt.Sprint(i))))
			}
			eventually(t, "each was tried", func() bool { return r.count("RCPT") >= 12 })
			for i := range 100 {
				p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("ada@%d.example.org", i)))
				if d := p.result(fmt.Sprint(i), 1); d.State != mail.Sent || d.Attempt != 1 {
					t.Fatalf("mail %d: %+v", i, d)
				}
			}
		})
	}
}

func TestSender_AConnectionLostBeforeTheContent_IsTriedAgainForFree(t *testing.T) {
	for _, verb := range []string{"MAIL", "RCPT", "DATA"} {
		t.Run(verb, func(t *testing.T) {
			r := startRelay(t, once(verb, cut))
			p := startPost(t, plain(r))
			p.queue(codeMail("m1", "ada@example.org"))
			if d := p.result("m1", 1); d.State != mail.Sent || d.Attempt != 1 {
				t.Errorf("result: %+v", d)
			}
		})
	}
}

func TestSender_AConnection_IsGivenUpWhenItIsIdleOrOld(t *testing.T) {
	for name, change := range map[string]func(*mail.RelayConfig){
		"idle": func(to *mail.RelayConfig) { to.IdleTimeout = 50 * time.Millisecond },
		"old":  func(to *mail.RelayConfig) { to.MaxAge = time.Nanosecond },
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, always("", ""))
			to := plain(r)
			change(&to)
			p := startPost(t, to, func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
			p.queue(codeMail("m1", "ada@example.org"))
			p.result("m1", 1)
			if name == "idle" {
				eventually(t, "goodbye", func() bool { return r.count("QUIT") == 1 })
			}
			p.queue(codeMail("m2", "bob@example.org"))
			p.result("m2", 1)
			if n := r.count(greeting); n != 2 || r.count("QUIT") != 1 {
				t.Errorf("%d connections and %d goodbyes, want 2 and 1", n, r.count("QUIT"))
			}
		})
	}
}

func TestSender_AKeptConnectionThatDied_CostsNothing(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	p.queue(codeMail("m1", "ada@example.org"))
	p.result("m1", 1)
	p.queue(codeMail("m2", "bob@example.org"))
	p.result("m2", 1)
	if n := r.count(greeting); n != 1 {
		t.Errorf("%d connections for two mails, want 1", n)
	}
	r.cutAll()
	p.queue(codeMail("m3", "eve@example.org"))
	if d := p.result("m3", 1); d.State != mail.Sent || d.Attempt != 1 {
		t.Errorf("result: %+v", d)
	}
	// A goodbye that waits on a kept connection says nothing about the relay either.
	r.follow(func(verb string, nth int) string {
		if verb == "MAIL" && nth == r.counts[verb] && r.counts[greeting] == 2 {
			return "421 idle for too long"
		}
		return usual
	})
	p.queue(codeMail("m4", "joe@example.org"))
	if d := p.result("m4", 1); d.State != mail.Sent || d.Attempt != 1 || strings.Contains(p.logged(), "ill") {
		t.Errorf("result: %+v, log: %s", d, p.logged())
	}
}

func TestSender_AMailWithoutReply_IsSentOnceMoreWithTheSameMessageID(t *testing.T) {
	for _, again := range []string{usual, cut} {
		t.Run("then "+again, func(t *testing.T) {
			r := startRelay(t, func(verb string, nth int) string {
				if verb == content && nth == 0 {
					return cut
				}
				if verb == content && nth == 1 {
					return again
				}
				return usual
			})
			p := startPost(t, plain(r))
			p.mu.Lock()
			p.early = true
			p.mu.Unlock()
			p.queue(codeMail("m1", "ada@example.org"))
			first, second := p.result("m1", 1), p.result("m1", 2)
			if first.State != mail.Uncertain || second.Attempt != 2 || first.MessageID != second.MessageID {
				t.Errorf("results: %+v %+v", first, second)
			}
			p.queue(codeMail("m2", "bob@example.org"))
			p.result("m2", 1)
			if n := r.count(content); n != 3 {
				t.Errorf("%d contents, want two of the first mail and one of the second", n)
			}
		})
	}
}

func TestSender_ARowThatComesAgain_StartsNothingTwice(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r))
	p.mu.Lock()
	p.deaf = true
	p.mu.Unlock()
	m := codeMail("m1", "ada@example.org")
	p.queue(m)
	for range 50 {
		p.queue(m)
	}
	p.result("m1", 1)
	for range 50 {
		p.queue(m)
	}
	p.queue(codeMail("m2", "bob@example.org"))
	p.result("m2", 1)
	if n := len(r.mails()); n != 2 {
		t.Errorf("%d mails, want 2", n)
	}
}

func TestSender_AReportThatFails_IsRepeatedAndTheMailIsNot(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r))
	failures := 2
	p.mu.Lock()
	p.refuse = func(mail.Delivery) error {
		if failures--; failures >= 0 {
			return errors.New("kafka is away")
		}
		return nil
	}
	p.mu.Unlock()
	p.queue(codeMail("m1", "ada@example.org"))
	if d := p.result("m1", 1); d.State != mail.Sent {
		t.Errorf("result: %+v", d)
	}
	if n := len(r.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestSender_ManyReportsThatFail_AreNotRepeatedAtOnce(t *testing.T) {
	r := startRelay(t, always("", ""))
	var mu sync.Mutex
	var reports []time.Time
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Pool, cfg.StopTimeout = 1, 300*time.Millisecond
		cfg.Report = func(_ context.Context, all []mail.Delivery) []error {
			mu.Lock()
			defer mu.Unlock()
			reports = append(reports, time.Now())
			return slices.Repeat([]error{errors.New("kafka is away")}, len(all))
		}
	})
	for i := range 8 {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("ada@%d.example.org", i)))
	}
	eventually(t, "all are out", func() bool { return len(r.mails()) == 8 })
	counted := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(reports)
	}
	seen := counted()
	eventually(t, "all are reported three times", func() bool { return counted() >= seen+3 })
	mu.Lock()
	defer mu.Unlock()
	for i := range reports[1:] {
		if apart := reports[i+1].Sub(reports[i]); apart < 100*time.Millisecond {
			t.Errorf("reported again after %v", apart)
		}
	}
}

func TestSender_AMailWithoutItsSecret_IsHeldAndMakesUnready(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Letters = func(m mail.Mail) (mail.Letter, error) {
			if m.SecretID == "unknown" {
				return mail.Letter{}, errors.New(`no secret with id "unknown"`)
			}
			return letters(m)
		}
	})
	m := codeMail("m1", "ada@example.org")
	m.SecretID = "unknown"
	m.CodeExpiresAt = time.Now().Add(time.Minute + 400*time.Millisecond)
	p.queue(m)
	eventually(t, "unready", func() bool { return !p.sender.Health().Ready })
	if reason := p.sender.Health().Reason; !strings.Contains(reason, `"unknown"`) {
		t.Errorf("reason: %q", reason)
	}
	p.queue(codeMail("m2", "bob@example.org"))
	if d := p.result("m2", 1); d.State != mail.Sent {
		t.Errorf("another mail: %+v", d)
	}
	if d := p.result("m1", 1); d.State != mail.Expired {
		t.Errorf("in the end: %+v", d)
	}
	eventually(t, "ready", func() bool { return p.sender.Health().Ready })
	if n := len(r.mails()); n != 1 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestSender_ANewMail_DoesNotWaitForRetries(t *testing.T) {
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	defer release()
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Pool = 1
		cfg.Letters = func(m mail.Mail) (mail.Letter, error) {
			if m.ID == "first" {
				<-hold
			}
			return letters(m)
		}
	})
	p.queue(codeMail("first", "first@example.org"))
	eventually(t, "the first is under way", func() bool { return p.sender.Health().UnderWay == 1 })
	for i := range 5 {
		m := codeMail(fmt.Sprintf("retry%d", i), fmt.Sprintf("retry%d@example.org", i))
		m.State, m.Attempts, m.OccurredAt = mail.Retrying, 1, m.OccurredAt.Add(-time.Minute)
		p.sender.Update(0, m.To, mail.Outbox{Mails: []mail.Mail{m}})
	}
	p.queue(codeMail("new", "new@example.org"))
	release()
	eventually(t, "all are out", func() bool { return len(r.mails()) == 7 })
	if second := r.mails()[1]; !strings.Contains(second, "Message-ID: <new@") {
		t.Errorf("after the first came %.200s", second)
	}
}

func TestSender_AMailCalledOffAndAskedForAgainWhileItIsUnderWay_IsSentOnce(t *testing.T) {
	hold := make(chan struct{})
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Letters = func(m mail.Mail) (mail.Letter, error) {
			<-hold
			return letters(m)
		}
	})
	p.queue(codeMail("m1", "ada@example.org"))
	eventually(t, "it is under way", func() bool { return p.sender.Health().UnderWay == 1 })
	for range 3 {
		for _, change := range []func(mail.Outbox) (mail.Outbox, []mail.Delivery){
			func(o mail.Outbox) (mail.Outbox, []mail.Delivery) { return o.Cancel("m1", time.Now()) },
			func(o mail.Outbox) (mail.Outbox, []mail.Delivery) { return o.Retry("m1", time.Now()) },
		} {
			p.mu.Lock()
			p.rows["ada@example.org"], _ = change(p.rows["ada@example.org"])
			p.sender.Update(0, "ada@example.org", p.rows["ada@example.org"])
			p.mu.Unlock()
		}
	}
	close(hold)
	p.queue(codeMail("m2", "bob@example.org"))
	p.result("m2", 1)
	eventually(t, "nothing waits", func() bool { h := p.sender.Health(); return h.Pending+h.UnderWay == 0 })
	if n := len(r.mails()); n != 2 {
		t.Errorf("%d mails, want 2", n)
	}
	if got := p.states("m1"); !slices.Equal(got, []mail.State{mail.Sent}) {
		t.Errorf("results: %v", got)
	}
}

func TestSender_AMailAskedForAgainBetweenItsResultAndTheRow_IsTriedAgain(t *testing.T) {
	r := startRelay(t, once("RCPT", "450 later"))
	p := startPost(t, plain(r))
	p.mu.Lock()
	p.deaf = true // the row does not come
	p.mu.Unlock()
	p.queue(codeMail("m1", "ada@example.org"))
	p.result("m1", 1)
	p.mu.Lock()
	row, _ := p.rows["ada@example.org"].Cancel("m1", time.Now())
	row, _ = row.Retry("m1", time.Now())
	p.rows["ada@example.org"] = row
	p.sender.Update(0, "ada@example.org", row)
	p.mu.Unlock()
	if d := p.result("m1", 2); d.State != mail.Sent {
		t.Errorf("result: %+v", d)
	}
}

func TestSender_Revoke_FinishesWhatIsUnderWayAndBeginsNothing(t *testing.T) {
	hold := make(chan struct{})
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Pool = 1
		cfg.Letters = func(m mail.Mail) (mail.Letter, error) {
			<-hold
			return letters(m)
		}
	})
	p.queue(codeMail("m1", "ada@example.org"))
	p.queue(codeMail("m2", "bob@example.org"))
	eventually(t, "one is under way", func() bool { return p.sender.Health().UnderWay == 1 })
	revoked := make(chan struct{})
	go func() {
		p.sender.Revoke(0)
		close(revoked)
	}()
	eventually(t, "nothing waits any more", func() bool { return p.sender.Health().Pending == 0 })
	close(hold)
	<-revoked
	if states := p.states("m1"); !slices.Equal(states, []mail.State{mail.Sent}) {
		t.Errorf("when Revoke returned, the first mail's results were %v", states)
	}
	p.sender.Update(0, "eve@example.org", mail.Outbox{Mails: []mail.Mail{codeMail("m3", "eve@example.org")}})
	p.stop()
	if n := len(r.mails()); n != 1 || len(p.states("m2")) != 0 {
		t.Errorf("%d mails, want 1", n)
	}
}

func TestSender_OnePartitionsSlowMail_HoldsUpNeitherAnothersMailsNorItsRevocation(t *testing.T) {
	r := startRelay(t, once("RCPT", hang))
	p := startPost(t, plain(r))
	p.queue(codeMail("m1", "ada@example.org"))
	eventually(t, "the relay hangs", func() bool { return r.count("RCPT") == 1 })
	box := mail.Outbox{Mails: []mail.Mail{codeMail("m2", "bob@example.net")}}
	p.sender.Assign(1, maps.All(map[string]mail.Outbox{"bob@example.net": box}))
	if d := p.result("m2", 1); d.State != mail.Sent {
		t.Errorf("result: %+v", d)
	}
	p.sender.Revoke(1)
	if states := p.states("m1"); len(states) != 0 {
		t.Errorf("the slow mail has results already: %v", states)
	}
	r.cutAll()
	if d := p.result("m1", 1); d.State != mail.Sent {
		t.Errorf("the slow mail's result: %+v", d)
	}
}

func TestSender_AContentThatIsAnsweredSlowly_IsWaitedForWhereverItGoes(t *testing.T) {
	for name, end := range map[string]func(*post){
		"revoked": func(p *post) { p.sender.Revoke(0) },
		"stopped": func(p *post) { p.stop() },
	} {
		t.Run(name, func(t *testing.T) {
			r := startRelay(t, always(content, slow))
			p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.RevokeTimeout = 12 * slowly }) // for what has not left: less than slowly
			p.queue(codeMail("m1", "ada@example.org"))
			eventually(t, "the content is there", func() bool { return r.count(content) == 1 })
			end(p)
			if states := p.states("m1"); !slices.Equal(states, []mail.State{mail.Sent}) || len(r.mails()) != 1 {
				t.Errorf("results: %v of %d mails, want it sent once", states, len(r.mails()))
			}
		})
	}
}

func TestSender_ARecipientThatHangs_HoldsUpARevocationForAMoment(t *testing.T) {
	const timeout = 8 * time.Second
	r := startRelay(t, always("RCPT", hang))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.RevokeTimeout = timeout })
	p.queue(codeMail("m1", "ada@example.org"))
	eventually(t, "the relay hangs", func() bool { return r.count("RCPT") == 1 })
	began := time.Now()
	p.sender.Revoke(0)
	if took := time.Since(began); took > timeout/2 {
		t.Errorf("took %v, want about %v", took, timeout/16)
	}
	if h := p.sender.Health(); h.UnderWay != 0 || len(p.states("m1")) != 0 || !h.RelayIllSince.IsZero() {
		t.Errorf("health: %+v, results: %v", h, p.states("m1"))
	}
}

func TestSender_ACodeThatExpiresMeanwhile_IsNotMailed(t *testing.T) {
	r := startRelay(t, always("RCPT", hang))
	p := startPost(t, plain(r))
	m := codeMail("m1", "ada@example.org")
	m.CodeExpiresAt = time.Now().Add(time.Minute + 300*time.Millisecond) // its last attempt begins in a moment
	m.OccurredAt = time.Now()
	p.queue(m)
	eventually(t, "the relay hangs", func() bool { return r.count("RCPT") == 1 })
	time.Sleep(time.Until(m.Deadline()))
	r.follow(always("", ""))
	r.cutAll()
	if d := p.result("m1", 1); d.State != mail.Retrying {
		t.Errorf("result: %+v", d)
	}
	if n := len(r.mails()); n != 0 || r.count("RCPT") != 1 {
		t.Errorf("%d mails, and it was begun %d times", n, r.count("RCPT"))
	}
}

func TestSender_ARate_IsKeptOverAllConnections(t *testing.T) {
	const rate, mails = 100, 60
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Rate = rate })
	began := time.Now()
	for i := range mails {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("ada@%d.example.org", i)))
	}
	for i := range mails {
		p.result(fmt.Sprint(i), 1)
	}
	// A tenth of a second's mails may leave at once.
	if took, least := time.Since(began), (mails-rate/10-1)*time.Second/rate; took < least {
		t.Errorf("%d mails left in %v, want %v at least", mails, took, least)
	}
}

func TestSender_RevokeOfAHangingConversation_EndsItInTime(t *testing.T) {
	for verb, want := range map[string][]mail.State{"RCPT": nil, content: {mail.Uncertain}} {
		t.Run(verb, func(t *testing.T) {
			r := startRelay(t, always(verb, hang))
			p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.RevokeTimeout = 400 * time.Millisecond })
			p.queue(codeMail("m1", "ada@example.org"))
			eventually(t, "the relay hangs", func() bool { return r.count(verb) == 1 })
			p.sender.Revoke(0)
			if states := p.states("m1"); !slices.Equal(states, want) {
				t.Errorf("results: %v, want %v", states, want)
			}
			if h := p.sender.Health(); h.UnderWay != 0 || !h.RelayIllSince.IsZero() {
				t.Errorf("health: %+v", h)
			}
		})
	}
}

func TestSender_RevokeWhileNoReportIsTaken_ReturnsInTime(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.RevokeTimeout = 300 * time.Millisecond
		cfg.StopTimeout = 300 * time.Millisecond
		cfg.Report = func(ctx context.Context, all []mail.Delivery) []error {
			<-ctx.Done()
			return slices.Repeat([]error{ctx.Err()}, len(all))
		}
	})
	p.queue(codeMail("m1", "ada@example.org"))
	eventually(t, "the mail is out", func() bool { return len(r.mails()) == 1 })
	began := time.Now()
	p.sender.Revoke(0)
	p.stop()
	if took := time.Since(began); took > patience {
		t.Errorf("returned after %v", took)
	}
	if h := p.sender.Health(); h.UnderWay != 0 || !strings.Contains(p.logged(), "may send it once more") {
		t.Errorf("health: %+v, log: %s", h, p.logged())
	}
}

func TestSender_ResultsThatAreNotAcknowledgedYet_HoldUpMailsOnlyBeyondEightAConnection(t *testing.T) {
	acknowledge := make(chan struct{})
	r := startRelay(t, always("", ""))
	var p *post
	p = startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Pool = 1
		cfg.Report = func(ctx context.Context, all []mail.Delivery) []error {
			<-acknowledge
			return p.report(ctx, all)
		}
	})
	for i := range 10 {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("ada@%d.example.org", i)))
	}
	eventually(t, "eight are out", func() bool { return len(r.mails()) == 8 })
	if h := p.sender.Health(); h.UnderWay != 8 || h.Pending != 2 {
		t.Errorf("health: %+v", h)
	}
	close(acknowledge)
	for i := range 10 {
		p.result(fmt.Sprint(i), 1)
	}
	if n := len(r.mails()); n != 10 {
		t.Errorf("%d mails, want 10", n)
	}
}

func TestSender_Stopped_FinishesWhatIsUnderWay(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r))
	for i := range 200 {
		p.queue(codeMail(fmt.Sprint(i), fmt.Sprintf("%d@example.org", i)))
	}
	p.result("0", 1)
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.results) != len(r.mails()) {
		t.Errorf("%d results of %d mails", len(p.results), len(r.mails()))
	}
}

func TestSender_StoppedInAHangingConversation_EndsItSoonAndReportsWhatIsUncertain(t *testing.T) {
	for verb, want := range map[string][]mail.State{"RCPT": nil, content: {mail.Uncertain}} {
		t.Run(verb, func(t *testing.T) {
			r := startRelay(t, always(verb, hang))
			p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
				cfg.RevokeTimeout, cfg.StopTimeout = time.Minute, 400*time.Millisecond
			})
			p.queue(codeMail("m1", "ada@example.org"))
			eventually(t, "the relay hangs", func() bool { return r.count(verb) == 1 })
			// A partition that is being given up does not hold up a stop.
			revoked := make(chan struct{})
			go func() {
				p.sender.Revoke(0)
				close(revoked)
			}()
			began := time.Now()
			p.stop()
			if took := time.Since(began); took > patience {
				t.Errorf("stopped after %v", took)
			}
			<-revoked
			if states := p.states("m1"); !slices.Equal(states, want) {
				t.Errorf("results: %v, want %v", states, want)
			}
			p.sender.Assign(0, maps.All(map[string]mail.Outbox{}))
			p.queue(codeMail("m2", "bob@example.org"))
			p.sender.Revoke(0)
			if n := r.count(verb); n != 1 {
				t.Errorf("%d conversations, want 1", n)
			}
		})
	}
}

func TestSender_MailsOfAnAssignedPartition_AreSentInOrderOfTheirEvents(t *testing.T) {
	r := startRelay(t, always("", ""))
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) { cfg.Pool = 1 })
	rows := make(map[string]mail.Outbox)
	for i := range 20 {
		m := codeMail(fmt.Sprint(i), fmt.Sprintf("%d@example.org", i))
		m.State, m.OccurredAt = mail.Queued, m.OccurredAt.Add(time.Duration(i)*time.Millisecond)
		rows[m.To] = mail.Outbox{Mails: []mail.Mail{m}}
	}
	p.sender.Assign(1, maps.All(rows))
	p.result("19", 1)
	for i, text := range r.mails() {
		if !strings.Contains(text, fmt.Sprintf("Message-ID: <%d@", i)) {
			t.Fatalf("mail %d: %.200s", i, text)
		}
	}
}

func TestSender_WithoutItsParts_IsNotMade(t *testing.T) {
	if _, err := mail.NewSender(mail.SenderConfig{}); err == nil {
		t.Error("made")
	}
}

func TestSender_AProbeThatHangsAtItsRecipient_HoldsUpNobodyElse(t *testing.T) {
	ill := true
	r := startRelay(t, always("", ""))
	r.follow(func(verb string, _ int) string {
		switch {
		case verb == "MAIL" && ill:
			ill = false
			return "421 busy"
		case verb == "RCPT" && strings.Contains(r.commands[len(r.commands)-1], "tar"):
			return hang
		}
		return usual
	})
	p := startPost(t, plain(r), func(cfg *mail.SenderConfig) {
		cfg.Pool, cfg.RelayRest, cfg.StopTimeout = 4, 10*time.Millisecond, 100*time.Millisecond
	})
	p.queue(codeMail("m0", "ada@example.org"))
	eventually(t, "the relay is found ill", func() bool { return !p.sender.Health().RelayIllSince.IsZero() })
	p.queue(codeMail("m1", "tar@tar.example"))
	p.queue(codeMail("m2", "bob@example.org"))
	if d := p.result("m2", 1); d.State != mail.Sent {
		t.Errorf("result: %+v", d)
	}
}
