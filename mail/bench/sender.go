package main

// What is held here:
//   - the sender is the notifier's, with its composer and its relay; rows come in sixteen partitions, and a mail that was
//     sent leaves its row, as the outbox would have it;
//   - the recipients are of many domains, because one domain has a share of the connections only;
//   - a mail that is not sent at the first attempt fails the measurement.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	smtp "github.com/xhit/go-simple-mail/v2"
	"golang.org/x/sync/errgroup"

	"countersign/mail"
	"countersign/processors"
	"countersign/user"
)

const (
	partitions = 16
	domains    = 1000
	mailFrom   = "Countersign <mail@example.org>"
	publicURL  = "https://example.org"
	secretText = "bench:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
)

// recipient is the n-th of a round.
func recipient(round string, n int) string {
	return fmt.Sprintf("user-%s-%d@d%d.example.org", round, n, n%domains)
}

// letterKind is which letters are sent: of a kind, by templates that stand for the product's own where they are named.
type letterKind struct {
	kind      mail.Kind
	templates string
}

// The letters that are measured. Those of smallLetters are as short as an operator may make them.
var (
	own   = letterKind{kind: mail.VerifyAccount}
	small = letterKind{mail.VerifyAccount, smallLetters}
	plain = letterKind{mail.AccountVerified, smallLetters} // without code and links
)

// newMail is the n-th mail of a round, as the outbox makes it of an event.
func (l letterKind) newMail(n int) mail.Mail {
	now := time.Now()
	m := mail.Mail{
		ID: fmt.Sprintf("%032x", n), Kind: l.kind, State: mail.Queued, To: recipient("alone", n), FirstName: "Ada", Locale: "en",
		UserID: fmt.Sprintf("%032x", n), Sequence: 1, OccurredAt: now,
	}
	if l.kind == mail.VerifyAccount {
		m.VerificationID, m.Nonce, m.SecretID = m.UserID, "AAAAAAAAAAAAAAAAAAAAAA==", "bench"
		m.OpenedAt, m.CodeExpiresAt = now, now.Add(time.Hour)
	}
	return m
}

// letters are those of the notifier.
func letters() (func(mail.Mail) (mail.Letter, error), error) {
	secrets, err := user.ParseSecrets(secretText)
	return processors.Letters(secrets, publicURL), err
}

// size is how long one of the mails is, in bytes.
func (l letterKind) size() (int, error) {
	composer, err := mail.NewComposer(mail.ComposerConfig{From: mailFrom, TemplateDir: l.templates})
	if err != nil {
		return 0, err
	}
	make, err := letters()
	if err != nil {
		return 0, err
	}
	letter, err := make(l.newMail(0))
	if err != nil {
		return 0, err
	}
	message, err := composer.Compose(new(bytes.Buffer), l.newMail(0), letter, time.Now())
	return len(message.Text), err
}

// alone has the sender send that many mails. Their rows are there before the clock starts.
func (s *sink) alone(ctx context.Context, mails int, l letterKind, name string) (cost, error) {
	r, err := s.newRun(mails, l, func(int) {})
	if err != nil {
		return cost{}, err
	}
	var all [partitions]map[string]mail.Outbox
	for n := range mails {
		if n < partitions {
			all[n] = make(map[string]mail.Outbox)
		}
		m := l.newMail(n)
		all[n%partitions][m.To] = mail.Outbox{Mails: []mail.Mail{m}}
	}
	return here(func() error {
		return r.do(ctx, name, func() {
			for p := range partitions {
				r.sender.Assign(int32(p), maps.All(all[p]))
			}
		})
	})
}

// run is a sender and what has become of its mails.
type run struct {
	sender *mail.Sender
	mails  int
	next   func(sent int)
	sent   int
	ended  chan error // the first failure, or nil after the last mail
}

// newRun makes a sender for that many mails. next is called after each, with how many were sent.
func (s *sink) newRun(mails int, l letterKind, next func(sent int)) (*run, error) {
	relay, err := mail.NewRelay(mail.RelayConfig{URL: "smtp://" + s.addr})
	if err != nil {
		return nil, err
	}
	composer, err := mail.NewComposer(mail.ComposerConfig{From: mailFrom, TemplateDir: l.templates})
	if err != nil {
		return nil, err
	}
	compose, err := letters()
	if err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetLevel(logrus.WarnLevel)
	r := &run{mails: mails, next: next, ended: make(chan error, 1)}
	r.sender, err = mail.NewSender(mail.SenderConfig{
		Relay: relay, Composer: composer, Letters: compose, Report: r.report, Pool: connections, Log: log,
	})
	return r, err
}

// do runs the sender from begin until the last mail is sent.
func (r *run) do(ctx context.Context, name string, begin func()) error {
	defer context.AfterFunc(ctx, func() { r.end(ctx.Err()) })()
	ctx, stop := context.WithCancel(ctx)
	var running errgroup.Group
	running.Go(func() error { return r.sender.Run(ctx) })
	running.Go(func() error { return profile(ctx, name) })
	begin()
	err := <-r.ended
	stop()
	return errors.Join(err, running.Wait())
}

func (r *run) end(err error) {
	select {
	case r.ended <- err:
	default: // the first is enough
	}
}

func (r *run) report(_ context.Context, all []mail.Delivery) []error {
	for _, d := range all {
		n, err := strconv.ParseInt(d.MailID, 16, 64)
		if err == nil && d.State != mail.Sent {
			err = fmt.Errorf("mail %s is %s: %s", d.MailID, d.State, d.Reply)
		}
		if err != nil {
			r.end(err)
			return nil
		}
		r.sender.Update(int32(n%partitions), d.Email, mail.Outbox{})
		r.sent++
		r.next(r.sent)
		if r.sent == r.mails {
			r.end(nil)
		}
	}
	return nil
}

// library has the SMTP library alone send messages that are ready, over as many connections: what no sender on it can
// surpass.
func (s *sink) library(ctx context.Context, mails, size int) (cost, error) {
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return cost{}, err
	}
	server := smtp.NewSMTPClient()
	server.Host, server.KeepAlive, server.ConnectTimeout, server.SendTimeout = "127.0.0.1", true, 0, 0
	if server.Port, err = strconv.Atoi(port); err != nil {
		return cost{}, err
	}
	text := strings.Repeat(strings.Repeat("x", 70)+"\n", size/71)
	return here(func() error {
		running, ctx := errgroup.WithContext(ctx)
		for c := range connections {
			running.Go(func() error {
				client, err := server.Connect()
				if err != nil {
					return err
				}
				defer client.Close()
				for n := c; n < mails && ctx.Err() == nil; n += connections {
					if err := smtp.SendMessage("from@example.org", []string{"to@example.org"}, text, client); err != nil {
						return err
					}
				}
				return ctx.Err()
			})
		}
		return running.Wait()
	})
}
