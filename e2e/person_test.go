package e2e

// A person, or the backend that acts for one: knows only the public HTTP and
// the mails that arrive. Repeats what has no certain outcome with the same
// Idempotency-Key, at any API node.

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const answerWithin = 60 * time.Second

var client = &http.Client{
	Timeout:   10 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Second},
}

// answer is what a call was answered with; status 0: nothing came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) text(field string) string {
	s, _ := a.body[field].(string)
	return s
}

func (a answer) number(field string) float64 {
	n, _ := a.body[field].(float64)
	return n
}

func post(ctx context.Context, url string, header http.Header, body any) answer {
	payload, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		panic(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if err := json.NewDecoder(response.Body).Decode(&a.body); err != nil {
		return answer{}
	}
	return a
}

// get returns status 0 and the error's words when nothing came back.
func get(ctx context.Context, url string) (status int, body string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}

// persist posts until the outcome is certain, at one API node after another.
func (s *system) persist(ctx context.Context, node int, path string, body any) (last answer) {
	return s.persistAs(ctx, rand.Text(), node, path, body)
}

// persistAs is persist with a key that was used before.
func (s *system) persistAs(ctx context.Context, key string, node int, path string, body any) (last answer) {
	header := http.Header{"Idempotency-Key": {key}}
	eventually(ctx, answerWithin, func() bool {
		last = post(ctx, s.api(node).public(path), header, body)
		node++
		return last.status != 0 && last.status != http.StatusServiceUnavailable
	})
	return last
}

type person struct {
	address        string
	node           int // the API node it talks to first
	verificationID string
}

// newPerson makes up somebody whose address no test has used.
func newPerson(node int) *person {
	return &person{address: "ada-" + strings.ToLower(rand.Text()) + "@example.org", node: node}
}

func (p *person) registration() map[string]any {
	return map[string]any{"email": p.address, "first_name": "Ada", "last_name": "Lovelace"}
}

// registers expects that registering is accepted.
func (p *person) registers(ctx context.Context, s *system) error {
	return p.registersAs(ctx, s, rand.Text())
}

// registersAs is registers with a key that was used before.
func (p *person) registersAs(ctx context.Context, s *system, key string) error {
	a := s.persistAs(ctx, key, p.node, "/api/register", p.registration())
	p.verificationID = a.text("verification_id")
	if a.status != http.StatusAccepted || p.verificationID == "" {
		return fmt.Errorf("register %s: %d %v", p.address, a.status, a.body)
	}
	return nil
}

func (p *person) verify(ctx context.Context, s *system, code string) answer {
	return s.persist(ctx, p.node, "/api/verify", map[string]any{"verification_id": p.verificationID, "code": code})
}

// mailedCode waits for the mail with the code. Where none comes, the account's history says why.
func (p *person) mailedCode(ctx context.Context, s *system) (string, error) {
	l, err := s.mails.await(ctx, p.address, verifyAccount)
	if err != nil {
		_, account := p.lookup(ctx, s.api(p.node))
		_, history := get(ctx, s.api(p.node).internal("/users/"+url.PathEscape(p.address)+"/history"))
		return "", fmt.Errorf("%w\n%s\n%s", err, account, history)
	}
	if l.code() == "" {
		err = fmt.Errorf("the mail to %s has no code:\n%s", p.address, l.text)
	}
	return l.code(), err
}

// verifies expects that the mailed code proves the address.
func (p *person) verifies(ctx context.Context, s *system) error {
	code, err := p.mailedCode(ctx, s)
	if err != nil {
		return err
	}
	a := p.verify(ctx, s, code)
	if a.status != http.StatusOK || a.text("status") != "verified" || a.text("email") != p.address || a.text("user_id") == "" {
		return fmt.Errorf("verify %s: %d %v", p.address, a.status, a.body)
	}
	return nil
}

// proves registers and verifies.
func (p *person) proves(ctx context.Context, s *system) error {
	if err := p.registers(ctx, s); err != nil {
		return err
	}
	return p.verifies(ctx, s)
}

// lookup asks an API node's internal listener for the account.
func (p *person) lookup(ctx context.Context, node *process) (status int, body string) {
	return get(ctx, node.internal("/users/"+url.PathEscape(p.address)))
}

// crowd makes up people who talk to the API nodes in turn.
func crowd(n int) []*person {
	people := make([]*person, n)
	for i := range people {
		people[i] = newPerson(i)
	}
	return people
}

// each lets the people act, so many at a time.
func each(t *testing.T, people []*person, inFlight int, act func(context.Context, *person) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(inFlight)
	for _, p := range people {
		group.Go(func() error { return act(ctx, p) })
	}
	check(t, group.Wait())
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// another returns a code that is not this one.
func another(code string) string {
	return string('0'+(code[0]-'0'+1)%10) + code[1:]
}
