package e2e

// What is lost when a process dies: nothing.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func TestKill_InTheMiddleOf200Registrations_LosesNone(t *testing.T) {
	s := start(t, map[string]string{"MAIL_INTERVAL_SECONDS": "1"})
	if len(s.all()) == 1 {
		t.Run("everything", func(t *testing.T) { killWhileRegistering(t, s, s.apis[0]) })
		return
	}
	t.Run("users", func(t *testing.T) { killWhileRegistering(t, s, s.users[0]) })
	t.Run("notifier", func(t *testing.T) { killWhileRegistering(t, s, s.notifiers[0]) })
	t.Run("api", func(t *testing.T) { killWhileRegistering(t, s, s.apis[0]) })
}

func killWhileRegistering(t *testing.T, s *system, victim *process) {
	people := crowd(200)
	var accepted atomic.Int32
	each(t, people, 16, func(ctx context.Context, p *person) error {
		if err := p.registers(ctx, s); err != nil {
			return err
		}
		if accepted.Add(1) == 60 {
			victim.kill(t)
			// Where there is a second one, it has to manage alone.
			if len(s.all()) == 1 {
				victim.start(t)
			}
		}
		return nil
	})
	each(t, people, 16, func(ctx context.Context, p *person) error {
		// The embedded broker, killed, may keep one half of a transaction: whose mail is lost with the other asks again.
		mailed := func() bool { return len(s.mails.to(p.address, verifyAccount)) > 0 }
		if len(s.all()) == 1 && !eventually(ctx, mailWithin/2, mailed) {
			t.Logf("%s asks again", p.address)
			s.persist(ctx, p.node, "/api/resend", map[string]any{"verification_id": p.verificationID})
		}
		return p.verifies(ctx, s)
	})
	each(t, people, 16, func(ctx context.Context, p *person) error {
		_, err := s.mails.await(ctx, p.address, accountVerified)
		for _, subject := range []string{verifyAccount, accountVerified} {
			for _, l := range s.mails.to(p.address, subject) {
				if l.messageID != s.mails.to(p.address, subject)[0].messageID {
					err = errors.Join(err, fmt.Errorf("%s was mailed twice: %q", p.address, subject))
				}
			}
		}
		return err
	})
	verified := s.read(t, "user_account_verified")
	for _, p := range people {
		if events := of(p.address, verified); len(events) != 1 {
			t.Errorf("%s was verified %d times", p.address, len(events))
		}
	}
	if victim.over() {
		victim.start(t)
	}
	victim.awaitReady(t)
}

func TestKill_OfEveryProcess_KeepsTheVerifiedAndMailsTheWaiting(t *testing.T) {
	s := start(t, nil)
	ctx := t.Context()
	verified, waiting := newPerson(0), newPerson(0)
	check(t, verified.proves(ctx, s))
	check(t, waiting.registers(ctx, s))
	for _, p := range s.all() {
		p.kill(t)
	}
	s.start(t)
	if status, account := verified.lookup(ctx, s.api(0)); status != http.StatusOK || !strings.Contains(account, `"verified"`) {
		t.Errorf("who was verified: %d %s", status, account)
	}
	check(t, waiting.verifies(ctx, s))
}

func TestNotifier_ThatComesLater_MailsWhoRegisteredMeanwhile(t *testing.T) {
	onRealKafka(t)
	s := start(t, nil)
	ctx := t.Context()
	for _, p := range s.notifiers {
		p.stop(t, syscall.SIGTERM)
	}
	people := crowd(5)
	each(t, people, 5, func(ctx context.Context, p *person) error { return p.registers(ctx, s) })
	for _, p := range people {
		if len(s.mails.to(p.address, verifyAccount)) != 0 {
			t.Errorf("%s got a mail without a notifier", p.address)
		}
	}
	s.notifiers[0].start(t).awaitReady(t)
	for _, p := range people {
		check(t, p.verifies(ctx, s))
	}
}

func TestRelay_ThatComesLater_GetsTheMailsThatWaited(t *testing.T) {
	mails := newMailbox(t)
	s := prepare(t, mails, nil)
	s.start(t)
	p := newPerson(0)
	check(t, p.registers(t.Context(), s))
	mails.open(t)
	check(t, p.verifies(t.Context(), s))
}
