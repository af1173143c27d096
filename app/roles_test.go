package app

import (
	"context"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"countersign/mail"
)

func TestSenderHealth_OfAnIllRelay_IsReadyAndSaysWhy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // nobody is there
	s := settings(t, "--mail-from=a@example.com")
	relay, err := s.newRelay("smtp://user:pa55word@" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	composer, err := s.newComposer()
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(t.Output())
	sender, err := mail.NewSender(mail.SenderConfig{
		Relay: relay, Composer: composer, Log: log,
		Letters: func(mail.Mail) (mail.Letter, error) { return mail.Letter{}, nil },
		Report:  func(context.Context, []mail.Delivery) []error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	health := senderHealth(sender)
	if h := health(); !h.Ready || h.Reason != "" {
		t.Errorf("before: %+v", h)
	}
	m := mail.Mail{ID: "m1", Kind: mail.AccountVerified, State: mail.Queued, To: "ada@example.org", OccurredAt: time.Now()}
	sender.Assign(0, maps.All(map[string]mail.Outbox{m.To: {Mails: []mail.Mail{m}}}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sender.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for health().Reason == "" && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if h := health(); !h.Ready || !strings.Contains(h.Reason, "the relay is ill since ") || !strings.Contains(h.Reason, "refused") || strings.Contains(h.Reason, "pa55word") {
		t.Errorf("health: %+v", h)
	}
}
