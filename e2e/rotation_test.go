package e2e

// Another secret comes in by three deployments, old → old,new → new,old → new: at every step, and while nodes of two steps
// run side by side, people register, get mails, verify by code and by link, and repeat what they are not sure of.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestSecrets_RotateInThreeDeployments(t *testing.T) {
	const older, newer = "old:b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=", "new:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE="
	s := rolesInPairs(t, older)
	ctx := t.Context()
	patient := newPerson(0) // registers with the old secret, and comes back at every step
	check(t, patient.registers(ctx, s))
	first, err := patient.mailedCode(ctx, s)
	check(t, err)

	for _, step := range []string{older + "," + newer, newer + "," + older} {
		for half := range 2 {
			s.deploy(t, half, step)
			s.serves(t)
			if a := patient.verify(ctx, s, another(first)); a.text("code") != "code_invalid" {
				t.Fatalf("who registered before is answered %d %v", a.status, a.body)
			}
			patient.node++
		}
	}
	check(t, patient.resends(ctx, s, 2))
	check(t, patient.verifies(ctx, s))

	for half := range 2 { // 25 h later
		s.deploy(t, half, newer)
		s.serves(t)
	}
	if a := patient.verify(ctx, s, first); a.text("code") != "verification_id_invalid" {
		t.Errorf("what the old secret sealed is answered %d %v", a.status, a.body)
	}
}

// rolesInPairs is two processes of each role but users, which needs no secret, on the embedded broker too.
func rolesInPairs(t *testing.T, secret string) *system {
	t.Helper()
	mails := newMailbox(t)
	mails.open(t)
	env := settings(mails, map[string]string{"MAIL_INTERVAL_SECONDS": "1"})
	s := &system{mails: mails, brokers: kafkaOfRoles(t, env)}
	s.users = []*process{newProcess(t, env, "serve", "users")}
	for range 2 {
		s.apis = append(s.apis, newProcess(t, env, "serve", "api"))
		s.notifiers = append(s.notifiers, newProcess(t, env, "serve", "notifier"))
	}
	for _, p := range append(s.apis, s.notifiers...) {
		p.knows(secret)
	}
	s.start(t)
	return s
}

// knows sets the secrets for the next start. Other tests' mails may be met on a broker that they share.
func (p *process) knows(list string) { p.env["COUNTERSIGN_SECRETS"] = list + "," + secrets }

// deploy starts one api and one notifier anew with other secrets.
func (s *system) deploy(t *testing.T, half int, list string) {
	t.Helper()
	var wg sync.WaitGroup
	for _, p := range []*process{s.apis[half], s.notifiers[half]} {
		wg.Go(func() { p.stop(t, syscall.SIGTERM) })
	}
	wg.Wait()
	for _, p := range []*process{s.apis[half], s.notifiers[half]} {
		p.knows(list)
		p.start(t)
	}
	for _, p := range s.all() {
		p.awaitReady(t)
	}
}

// serves has people register at either api and go on at the other, enough of them for either notifier.
func (s *system) serves(t *testing.T) {
	t.Helper()
	ways := []func(*person, context.Context) error{
		func(p *person, ctx context.Context) error { return p.verifies(ctx, s) },
		func(p *person, ctx context.Context) error { return p.follows(ctx, s) },
		func(p *person, ctx context.Context) error {
			return errors.Join(p.resends(ctx, s, 2), p.verifies(ctx, s))
		},
	}
	each(t, crowd(2*len(ways)), 2*len(ways), func(ctx context.Context, p *person) error {
		key := rand.Text()
		for range 2 { // the second time it is the same registration
			if err := p.registersAs(ctx, s, key); err != nil {
				return err
			}
		}
		if _, err := p.mailedCode(ctx, s); err != nil {
			return err
		}
		way := p.node / 2
		p.node++
		if err := ways[way](p, ctx); err != nil {
			return err
		}
		if n := len(s.mails.to(p.address, verifyAccount)); n != 1 && way < 2 {
			return fmt.Errorf("%d mails of one registration", n)
		}
		return nil
	})
}

var mailedLink = regexp.MustCompile(`https://countersign\.example/#(\S+)\.(\S+)`)

// follows the link of the last mail.
func (p *person) follows(ctx context.Context, s *system) error {
	letters := s.mails.to(p.address, verifyAccount)
	link := mailedLink.FindStringSubmatch(letters[len(letters)-1].text)
	if link == nil {
		return fmt.Errorf("the mail to %s has no link", p.address)
	}
	key := rand.Text()
	for range 2 { // the second time with the same key, at the other node
		a := s.persistAs(ctx, key, p.node, "/api/verify", map[string]any{"verification_id": link[1], "token": link[2]})
		if a.status != http.StatusOK || !strings.Contains(a.text("email"), p.address) {
			return fmt.Errorf("follow the link to %s: %d %v", p.address, a.status, a.body)
		}
		p.node++
	}
	return nil
}

// resends until there are so many mails.
func (p *person) resends(ctx context.Context, s *system, mails int) error {
	if !eventually(ctx, mailWithin, func() bool {
		s.persist(ctx, p.node, "/api/resend", map[string]any{"verification_id": p.verificationID})
		return len(s.mails.to(p.address, verifyAccount)) >= mails
	}) {
		return fmt.Errorf("%s got no other mail", p.address)
	}
	return nil
}
