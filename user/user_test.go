package user_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/user"
)

const ada = "ada@example.com"

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// secret makes a secret that is the same in every run.
func secret(id string) user.Secret {
	key := make([]byte, user.MinSecretSize)
	copy(key, id)
	all, err := user.ParseSecrets(id + ":" + base64.StdEncoding.EncodeToString(key))
	if err != nil {
		panic(err)
	}
	return all.First()
}

// account plays commands on ada's address, each with an id and a nonce of its own.
type account struct {
	state  user.State
	now    time.Time
	policy user.Policy
	secret user.Secret
	sent   []user.Command
}

func newAccount() *account {
	return &account{now: start, policy: user.DefaultPolicy(), secret: secret("s1")}
}

// verified returns an account that was proven so long ago that no mail is held against it.
func verified() *account {
	a := newAccount()
	a.register("proven")
	a.verify("proven", a.code("proven"))
	a.wait(48 * time.Hour)
	return a
}

// stopped returns an account that was disputed, locked one with 100 wrong guesses, removed one that nobody proved. All have
// the codes and mails behind them that took.
func stopped() *account {
	a := newAccount()
	a.register("disputed")
	a.dispute("disputed", a.disputeToken("disputed"))
	return a
}

func locked() *account {
	a := newAccount()
	a.fail(100)
	return a
}

func removed() *account {
	a := newAccount()
	a.register("never proven")
	a.wait(24 * time.Hour)
	a.sweep()
	return a
}

// fail has n wrong guesses counted, five a registration, one every three hours.
func (a *account) fail(n int) {
	for i := 0; i < n; i += 5 {
		id := fmt.Sprint("wrong", len(a.sent))
		a.register(id)
		a.guess(id, min(5, n-i))
		a.wait(3 * time.Hour)
	}
}

func (a *account) sweep() (user.Outcome, []user.Event) { return a.send(a.command(user.Sweep, "")) }

func (a *account) disputeToken(verificationID string) string {
	return a.secret.DisputeToken(ada, verificationID, a.of(verificationID).Nonce)
}

func (a *account) wait(d time.Duration) { a.now = a.now.Add(d) }

func (a *account) send(c user.Command) (user.Outcome, []user.Event) {
	a.sent = append(a.sent, c)
	next, events, outcome := user.Step(a.state, c, a.now)
	a.state = next
	return outcome, events
}

func (a *account) command(t user.CommandType, verificationID string) user.Command {
	c := user.Command{
		ID: fmt.Sprintf("c%d", len(a.sent)+1), Type: t, Email: ada, VerificationID: verificationID,
		IssuedAt: a.now, Policy: a.policy,
	}
	if t == user.Register || t == user.Resend {
		c.SetCode(a.secret, a.nonce())
	}
	return c
}

func (a *account) nonce() []byte {
	return binary.BigEndian.AppendUint64(make([]byte, user.NonceSize-8), uint64(len(a.sent)))
}

func (a *account) register(verificationID string) (user.Outcome, []user.Event) {
	c := a.command(user.Register, verificationID)
	c.FirstName, c.LastName, c.Locale = "Ada of "+spelled(verificationID), "Lovelace", "en"
	return a.send(c)
}

// spelled writes the digits of an id as letters: a name has none.
func spelled(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'a' + r - '0'
		}
		return r
	}, id)
}

func (a *account) resend(verificationID string) (user.Outcome, []user.Event) {
	return a.send(a.command(user.Resend, verificationID))
}

func (a *account) erase() (user.Outcome, []user.Event) { return a.send(a.command(user.Erase, "")) }

func (a *account) verify(verificationID, guess string) (user.Outcome, []user.Event) {
	c := a.command(user.Verify, verificationID)
	c.Answer = a.secret.Answer(ada, verificationID, guess)
	return a.send(c)
}

func (a *account) follow(verificationID, token string) (user.Outcome, []user.Event) {
	c := a.command(user.Verify, verificationID)
	c.TokenDigest = user.TokenDigest(token)
	return a.send(c)
}

func (a *account) dispute(verificationID, token string) (user.Outcome, []user.Event) {
	c := a.command(user.Dispute, verificationID)
	c.TokenDigest = user.TokenDigest(token)
	return a.send(c)
}

// guess sends n wrong codes and returns what came of the last.
func (a *account) guess(verificationID string, n int) (o user.Outcome) {
	for range n {
		o, _ = a.verify(verificationID, "wrong!")
	}
	return o
}

// code is what the last mail of the verification says.
func (a *account) code(verificationID string) string {
	return a.secret.Code(ada, verificationID, a.of(verificationID).Nonce)
}

// token is what the link of the verification's last mail ends with.
func (a *account) token(verificationID string) string {
	return a.secret.LinkToken(ada, verificationID, a.of(verificationID).Nonce)
}

// of returns the verification with that id, the zero one if there is none.
func (a *account) of(verificationID string) user.Verification {
	if v := a.state.Verification(verificationID); v != nil {
		return *v
	}
	return user.Verification{}
}

// wantEvents says which events there must be, by type.
func wantEvents(t *testing.T, events []user.Event, want ...user.EventType) {
	t.Helper()
	got := []user.EventType{}
	for _, e := range events {
		got = append(got, e.Type)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func wantResult(t *testing.T, o user.Outcome, want user.Result) {
	t.Helper()
	if o.Result != want {
		t.Errorf("result %s, want %s", o.Result, want)
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
