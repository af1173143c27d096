package e2e

// The main job: register, mail, verify, second mail; every step at whichever API node.

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestRegistration(t *testing.T) {
	s := start(t, nil)
	ctx := t.Context()

	t.Run("TheMailedCode_ProvesTheAddress_AndASecondMailSaysSo", func(t *testing.T) {
		p := newPerson(0)
		check(t, p.proves(ctx, s))
		_, err := s.mails.await(ctx, p.address, accountVerified)
		check(t, err)
		if l := s.mails.to(p.address, verifyAccount); len(l) != 1 || !strings.Contains(l[0].text, "Ada") {
			t.Errorf("mails with a code: %+v", l)
		}
	})

	t.Run("WhoRegisteredAtOneNode_IsVerifiedAndLookedUpAtEveryOther", func(t *testing.T) {
		p := newPerson(0)
		check(t, p.registers(ctx, s))
		p.node = 1
		check(t, p.verifies(ctx, s))
		for _, node := range s.apis {
			var status int
			var account string
			if !eventually(ctx, answerWithin, func() bool {
				status, account = p.lookup(ctx, node)
				return status == http.StatusOK && strings.Contains(account, `"verified"`)
			}) {
				t.Errorf("%s says %d %s", node.name, status, account)
			}
		}
		status, view := get(ctx, s.api(0).public("/api/verifications/"+url.PathEscape(p.verificationID)))
		if status != http.StatusOK || !strings.Contains(view, `"verified"`) {
			t.Errorf("the public view: %d %s", status, view)
		}
	})

	t.Run("WrongGuesses_CountDown_AndThenNotEvenTheRightOneHelps", func(t *testing.T) {
		p := newPerson(0)
		check(t, p.registers(ctx, s))
		code, err := p.mailedCode(ctx, s)
		check(t, err)
		for left := 4; left >= 0; left-- {
			a := p.verify(ctx, s, another(code))
			if a.status != http.StatusUnprocessableEntity || a.text("code") != "code_invalid" || a.number("attempts_remaining") != float64(left) {
				t.Fatalf("a wrong guess with %d left: %d %v", left, a.status, a.body)
			}
			p.node++
		}
		if a := p.verify(ctx, s, code); a.status != http.StatusTooManyRequests || a.text("code") != "too_many_attempts" {
			t.Errorf("the right code after five wrong ones: %d %v", a.status, a.body)
		}
	})

	t.Run("ACode_IsGoodForOneUse", func(t *testing.T) {
		p := newPerson(0)
		check(t, p.proves(ctx, s))
		if a := p.verify(ctx, s, s.mails.to(p.address, verifyAccount)[0].code()); a.status != http.StatusGone || a.text("code") != "code_expired" {
			t.Errorf("the code again: %d %v", a.status, a.body)
		}
	})

	t.Run("AnIdempotencyKeyRepeated_IsOneRegistrationAndOneAnswer", func(t *testing.T) {
		p := newPerson(0)
		body := map[string]any{"email": p.address, "first_name": "Ada"}
		header := http.Header{"Idempotency-Key": {rand.Text()}}
		first := post(ctx, s.api(0).public("/api/register"), header, body)
		again := post(ctx, s.api(1).public("/api/register"), header, body)
		if first.status != http.StatusAccepted || again.status != http.StatusAccepted {
			t.Fatalf("register twice: %d %v, %d %v", first.status, first.body, again.status, again.body)
		}
		p.verificationID = again.text("verification_id")
		check(t, p.verifies(ctx, s))
		created := of(p.address, s.read(t, "user_account_created"))
		repeated := of(p.address, s.read(t, "user_code_requested"))
		if len(created) != 1 || len(repeated) != 0 {
			t.Errorf("%d accounts created, %d codes requested again", len(created), len(repeated))
		}
	})

	t.Run("Resend_IsAcceptedLikeARegistration", func(t *testing.T) {
		p := newPerson(0)
		check(t, p.registers(ctx, s))
		a := s.persist(ctx, 1, "/api/resend", map[string]any{"verification_id": p.verificationID})
		if a.status != http.StatusAccepted || a.text("verification_id") == "" || a.number("resend_in") == 0 {
			t.Errorf("resend: %d %v", a.status, a.body)
		}
		check(t, p.verifies(ctx, s))
	})

	t.Run("AMadeUpVerification_IsRefusedAndReachesNoTopic", func(t *testing.T) {
		before := len(s.read(t, "user_commands"))
		p := &person{verificationID: "made-up"}
		if a := p.verify(ctx, s, "123456"); a.status < 400 || a.status >= 500 || a.text("code") == "" {
			t.Errorf("a made-up verification: %d %v", a.status, a.body)
		}
		if after := len(s.read(t, "user_commands")); after != before {
			t.Errorf("%d commands, were %d", after, before)
		}
	})
}
