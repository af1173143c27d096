package e2e

// What the topics promise to anyone else: keys, headers and JSON that a foreign
// client reads, no code anywhere, and nothing unreadable that stops the rest.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
)

func TestContract(t *testing.T) {
	s := start(t, nil)
	t.Run("TheEvents_AreReadByLibrdkafka", func(t *testing.T) { eventsAreReadByLibrdkafka(t, s) })
	t.Run("WhatLibrdkafkaProduces_LandsOnTheKeysPartition_IfItPartitionsByMurmur2", func(t *testing.T) { librdkafkaProduces(t, s) })
	t.Run("AThirdService_HearsOfWhoIsVerified", func(t *testing.T) { thirdServiceHears(t, s) })
	t.Run("ARecordThatCannotBeRead_IsADeadLetter_AndTheNextIsHandled", func(t *testing.T) { deadLetters(t, s) })
	t.Run("ACode_IsInNoTopicAndNoLog", func(t *testing.T) { codeIsNowhere(t, s) })
}

// needTool skips where a foreign tool is missing; continuous integration has them all.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func eventsAreReadByLibrdkafka(t *testing.T, s *system) {
	onRealKafka(t)
	needTool(t, "kcat")
	p := newPerson(0)
	check(t, p.proves(t.Context(), s))
	for _, topic := range []string{"user_account_created", "user_account_verified"} {
		ctx, cancel := context.WithTimeout(t.Context(), readWithin)
		defer cancel()
		out, err := exec.CommandContext(ctx, "kcat", "-b", brokerList(), "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J").Output()
		check(t, err)
		var found []kcatRecord
		for line := range strings.Lines(string(out)) {
			var r kcatRecord
			check(t, json.Unmarshal([]byte(line), &r))
			if r.Key == p.address {
				found = append(found, r)
			}
		}
		if len(found) != 1 {
			t.Fatalf("kcat finds %d records of %s on %s", len(found), p.address, topic)
		}
		var event map[string]any
		check(t, json.Unmarshal([]byte(found[0].Payload), &event))
		if event["email"] != p.address || event["first_name"] != "Ada" || event["event_id"] == nil || event["user_id"] == nil {
			t.Errorf("%s: %v", topic, event)
		}
		if at, err := time.Parse(time.RFC3339, event["occurred_at"].(string)); err != nil || at.Location() != time.UTC {
			t.Errorf("%s: occurred_at: %v", topic, event["occurred_at"])
		}
		headers := found[0].headers()
		if headers["ce_type"] != topic || headers["ce_id"] != event["event_id"] || headers["ce_specversion"] != "1.0" || headers["ce_source"] == "" {
			t.Errorf("%s: headers %v", topic, headers)
		}
	}
}

// librdkafka's own default is CRC32: what it puts elsewhere is put aside, and its dead letter says what to set.
func librdkafkaProduces(t *testing.T, s *system) {
	onRealKafka(t)
	needTool(t, "kcat")
	partitions := int32(len(s.partitions(t, topics.UserCommands)))
	p := newPerson(0)
	for topics.Partition(p.address, partitions) == int32(crc32.ChecksumIEEE([]byte(p.address))%uint32(partitions)) {
		p = newPerson(0)
	}
	check(t, p.registers(t.Context(), s))
	var command map[string]any
	check(t, json.Unmarshal(of(p.address, s.read(t, topics.UserCommands))[0].Value, &command))
	produce := func(id string, settings ...string) *kgo.Record {
		t.Helper()
		command["command_id"], command["verification_id"] = id, id
		value, err := json.Marshal(command)
		check(t, err)
		kcat := exec.CommandContext(t.Context(), "kcat", append([]string{"-b", brokerList(), "-P", "-t", topics.UserCommands, "-k", p.address}, settings...)...)
		kcat.Stdin = bytes.NewReader(append(value, '\n'))
		if out, err := kcat.CombinedOutput(); err != nil {
			t.Fatalf("kcat: %v\n%s", err, out)
		}
		for _, r := range of(p.address, s.read(t, topics.UserCommands)) {
			if bytes.Contains(r.Value, []byte(id)) {
				return r
			}
		}
		t.Fatalf("%s is not on %s", id, topics.UserCommands)
		return nil
	}
	right := produce("by-murmur2-"+p.address[:8], "-X", "partitioner=murmur2_random")
	if want := topics.Partition(p.address, partitions); right.Partition != want {
		t.Errorf("murmur2_random puts it on partition %d, want %d", right.Partition, want)
	}
	if !eventually(t.Context(), readWithin, func() bool {
		_, account := p.lookup(t.Context(), s.api(0))
		return strings.Contains(account, "by-murmur2-")
	}) {
		t.Error("the command of murmur2_random was not applied")
	}
	wrong := produce("by-default-" + p.address[:8])
	if wrong.Partition == right.Partition {
		t.Fatalf("librdkafka's default puts it on partition %d as well", wrong.Partition)
	}
	if !eventually(t.Context(), readWithin, func() bool {
		for _, letter := range of(p.address, s.read(t, topics.DeadLetters)) {
			if strings.Contains(header(letter, "dead_letter_reason"), "set the producer's partitioner") {
				return true
			}
		}
		return false
	}) {
		t.Error("no dead letter names the partitioner")
	}
}

type kcatRecord struct {
	Key     string   `json:"key"`
	Payload string   `json:"payload"`
	Headers []string `json:"headers"` // name, value, name, value, …
}

func (r kcatRecord) headers() map[string]string {
	h := map[string]string{}
	for i := 0; i+1 < len(r.Headers); i += 2 {
		h[r.Headers[i]] = r.Headers[i+1]
	}
	return h
}

func thirdServiceHears(t *testing.T, s *system) {
	recommender := newProcess(t, map[string]string{"KAFKA_BROKER_LIST": strings.Join(s.brokers, ",")})
	recommender.name, recommender.path = "recommender", binary("recommender")
	recommender.start(t)
	p := newPerson(0)
	check(t, p.registers(t.Context(), s))
	code, err := p.mailedCode(t.Context(), s)
	check(t, err)
	userID := p.verify(t.Context(), s, code).text("user_id")
	if !eventually(t.Context(), readWithin, func() bool { return strings.Contains(recommender.log.String(), userID) }) {
		t.Errorf("the recommender never heard of %q", userID)
	}
	recommender.stop(t, syscall.SIGTERM)
}

func deadLetters(t *testing.T, s *system) {
	ctx := t.Context()
	before := newPerson(0)
	check(t, before.registers(ctx, s))
	_, err := before.mailedCode(ctx, s)
	check(t, err)
	command := of(before.address, s.read(t, topics.UserCommands))[0]
	event := of(before.address, s.read(t, topics.UserAccountCreated))[0]
	stranger := []byte(newPerson(0).address)
	for _, bad := range []struct {
		what, topic string
		key, value  []byte
	}{
		{"a command that is no JSON", topics.UserCommands, stranger, []byte("{not json")},
		{"a command without a value", topics.UserCommands, stranger, nil},
		{"a command with a key that is not its address", topics.UserCommands, stranger, command.Value},
		{"a command of an unknown type", topics.UserCommands, stranger, []byte(`{"command_id":"x","type":"teleport","email":"` + string(stranger) + `"}`)},
		{"an event that is no JSON", topics.UserAccountCreated, stranger, []byte("{not json")},
		{"an event without a value", topics.UserAccountCreated, stranger, nil},
		{"an event with a key that is not its address", topics.UserAccountCreated, stranger, event.Value},
	} {
		dead := func() int { return len(deadLettersOf(s.read(t, topics.DeadLetters), bad.topic)) }
		already, partitions := dead(), len(s.partitions(t, bad.topic))
		s.produce(t, bad.topic, bad.key, bad.value)
		if !eventually(ctx, readWithin, func() bool { return dead() == already+partitions }) {
			t.Errorf("%s: %d dead letters more, want %d", bad.what, dead()-already, partitions)
		}
	}
	// The bad records went to every partition: whichever this one is on, it comes after one.
	check(t, newPerson(0).proves(ctx, s))
	check(t, before.verifies(ctx, s))
}

func deadLettersOf(records []*kgo.Record, topic string) (found []*kgo.Record) {
	for _, r := range records {
		if header(r, "dead_letter_topic") == topic {
			found = append(found, r)
		}
	}
	return found
}

func codeIsNowhere(t *testing.T, s *system) {
	people := crowd(5)
	codes := map[string]string{}
	for _, p := range people {
		check(t, p.registers(t.Context(), s))
		code, err := p.mailedCode(t.Context(), s)
		check(t, err)
		if a := p.verify(t.Context(), s, another(code)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("a wrong guess: %d %v", a.status, a.body)
		}
		check(t, p.verifies(t.Context(), s))
		codes[p.address] = code
	}
	seen := 0
	for _, r := range s.read(t) {
		code, mine := codes[string(r.Key)]
		if !mine {
			continue
		}
		seen++
		for _, guess := range []string{code, another(code)} {
			if revealed := spelled(guess).Find(r.Value); revealed != nil {
				t.Errorf("%s shows the code %s as %q: %s", r.Topic, guess, revealed, r.Value)
			}
			for _, h := range r.Headers {
				if spelled(guess).Match(h.Value) {
					t.Errorf("%s shows the code %s in header %s", r.Topic, guess, h.Key)
				}
			}
		}
	}
	if seen < 5*len(people) {
		t.Errorf("only %d records of %d people were looked at", seen, len(people))
	}
	for _, p := range s.all() {
		for _, code := range codes {
			if line := spelled(code).FindString(p.log.String()); line != "" {
				t.Errorf("the log of %s shows the code %s", p.name, code)
			}
		}
	}
}

// spelled matches a code where it stands by itself, or in a spelling that hides it from no one.
func spelled(code string) *regexp.Regexp {
	digest := sha256.Sum256([]byte(code))
	return regexp.MustCompile(`\b` + code + `\b|` +
		regexp.QuoteMeta(base64.StdEncoding.EncodeToString([]byte(code))) + `|` +
		hex.EncodeToString(digest[:]) + `|` +
		regexp.QuoteMeta(base64.StdEncoding.EncodeToString(digest[:])))
}
