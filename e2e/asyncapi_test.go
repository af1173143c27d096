package e2e

// topics/asyncapi.yaml against the records of a whole scenario: every value, key and header.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v4"

	"countersign/topics"
)

func TestAsyncAPI_DescribesEveryRecord(t *testing.T) {
	s := start(t, map[string]string{"OPERATOR_TOKEN": operatorToken, "INTERNAL_TOKEN": "", "MAIL_INTERVAL_SECONDS": "1"})
	keys := map[string]bool{}
	somebody := func() *person {
		p := newPerson(0)
		keys[p.address] = true
		return p
	}
	proves := somebody()
	provesInTheEnd(t, s, proves)
	registersAgain(t, s, proves)
	erased := somebody()
	check(t, erased.proves(t.Context(), s))
	if exitCode, output := s.api(0).operates(t, "users", "erase", erased.address); exitCode != 0 {
		t.Errorf("erase: exit code %d:\n%s", exitCode, output)
	}
	disputes(t, s, somebody())
	s.unsuppress(t, proves.address)
	keys[topics.SuppressionKey(proves.address)] = true
	dead := newPerson(0) // whose command has no headers, as no one here would write it
	s.misplace(t, topics.UserCommands, dead.address, registrationOf(t, s, dead))
	id := s.letter(t, dead.address, "open", 1)
	if exitCode, output := s.api(0).operates(t, "dead-letters", "retry", id); exitCode != 0 {
		t.Errorf("retry: exit code %d:\n%s", exitCode, output)
	}
	_, err := s.mails.await(t.Context(), dead.address, verifyAccount)
	check(t, err)

	document := newAsyncAPI(t)
	seen := map[string]int{}
	for _, topic := range topics.All() {
		for _, r := range s.read(t, topic.Name) {
			// On a broker that tests share, others may have written what none should.
			letter := topic.Name == topics.DeadLetters && string(r.Key) == dead.address
			if keys[string(r.Key)] || letter || topic.Name == topics.Instances {
				seen[topic.Name]++
				document.hold(t, r, topic.Compact)
			}
		}
		if seen[topic.Name] == 0 {
			t.Errorf("no record of %s was looked at", topic.Name)
		}
	}
	t.Logf("records that were looked at: %v", seen)
}

// provesInTheEnd mistypes the code, asks for the mail again until it comes, and proves the address.
func provesInTheEnd(t *testing.T, s *system, p *person) {
	t.Helper()
	check(t, p.registers(t.Context(), s))
	code, err := p.mailedCode(t.Context(), s)
	check(t, err)
	p.verify(t.Context(), s, another(code))
	if !eventually(t.Context(), readWithin, func() bool {
		s.persist(t.Context(), p.node, "/api/resend", map[string]any{"verification_id": p.verificationID})
		return len(of(p.address, s.read(t, topics.UserCodeRequested))) > 0
	}) {
		t.Error("no code was mailed again")
	}
	check(t, p.verifies(t.Context(), s))
	_, err = s.mails.await(t.Context(), p.address, accountVerified)
	check(t, err)
}

func registersAgain(t *testing.T, s *system, p *person) {
	t.Helper()
	if !eventually(t.Context(), readWithin, func() bool {
		check(t, p.registers(t.Context(), s))
		return len(of(p.address, s.read(t, topics.UserRegistrationRepeated))) > 0
	}) {
		t.Error("nobody was told of the second registration")
	}
}

func disputes(t *testing.T, s *system, p *person) {
	t.Helper()
	check(t, p.registers(t.Context(), s))
	l, err := s.mails.await(t.Context(), p.address, verifyAccount)
	check(t, err)
	_, link, _ := strings.Cut(l.text, "/dispute#")
	id, token, found := strings.Cut(strings.Fields(link + " ")[0], ".")
	if !found {
		t.Fatalf("the mail has no link to dispute:\n%s", l.text)
	}
	id, err = url.QueryUnescape(id)
	check(t, err)
	if a := s.persist(t.Context(), 0, "/api/dispute", map[string]any{"verification_id": id, "token": token}); a.status != http.StatusAccepted {
		t.Errorf("dispute: %d %v", a.status, a.body)
	}
	if !eventually(t.Context(), readWithin, func() bool { return len(of(p.address, s.read(t, topics.UserCommands))) == 2 }) {
		t.Error("the dispute is no command")
	}
}

// unsuppress asks the notifier to mail an address, and waits until it has said so.
func (s *system) unsuppress(t *testing.T, address string) {
	t.Helper()
	now := time.Now().UTC()
	s.writes(t, topics.SourceAPI, topics.MailCommands, address,
		topics.MailCommand{ID: "unsuppress", Type: topics.UnsuppressMail, Email: address, RequestedAt: now})
	if !eventually(t.Context(), readWithin, func() bool {
		return len(of(topics.SuppressionKey(address), s.read(t, topics.MailSuppressions))) > 0
	}) {
		t.Error("the address is not taken off the list")
	}
}

// asyncAPI is the document, and what it says of a topic's records.
type asyncAPI struct {
	schemas  *jsonschema.Compiler
	channels map[string]struct {
		Messages map[string]struct {
			Ref string `json:"$ref"`
		}
	}
}

func newAsyncAPI(t *testing.T) *asyncAPI {
	t.Helper()
	text, err := os.ReadFile("../topics/asyncapi.yaml")
	check(t, err)
	var whole any
	check(t, yaml.Unmarshal(text, &whole))
	asJSON, err := json.Marshal(whole)
	check(t, err)
	a := &asyncAPI{schemas: jsonschema.NewCompiler()}
	a.schemas.AssertFormat()
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	check(t, err)
	check(t, a.schemas.AddResource("asyncapi.json", resource))
	var document struct {
		Channels json.RawMessage
	}
	check(t, json.Unmarshal(asJSON, &document))
	check(t, json.Unmarshal(document.Channels, &a.channels))
	return a
}

// hold checks a record's key, headers and value. Of a table, and of a letter, the value may be missing.
func (a *asyncAPI) hold(t *testing.T, r *kgo.Record, table bool) {
	t.Helper()
	headers := map[string]any{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	for _, message := range a.channels[r.Topic].Messages {
		parts := map[string]any{"headers": headers, "bindings/kafka/key": string(r.Key)}
		if r.Value != nil || !table {
			parts["payload"] = value(r)
		}
		for part, value := range parts {
			s, err := a.schemas.Compile("asyncapi.json" + message.Ref + "/" + part)
			if err == nil {
				err = s.Validate(value)
			}
			if err != nil {
				t.Errorf("%s of a record of %s: %v\n%s\n%v", part, r.Topic, err, r.Value, headers)
			}
		}
	}
}

// value is a record's value, as text where it is no JSON.
func value(r *kgo.Record) any {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Value))
	if err != nil {
		return fmt.Sprint(r.Value)
	}
	return v
}
