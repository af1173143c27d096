package processors_test

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// explosive is a value, and a row, that panics where it says.
type explosive string

func (e *explosive) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	if text == "decode" {
		panic("a secret of " + text)
	}
	*e = explosive(text)
	return err
}

// last is a row: the last value.
type last struct{ Value explosive }

func (r last) MarshalJSON() ([]byte, error) {
	switch r.Value {
	case "encode":
		panic("a secret of encode")
	case "unencodable":
		return json.Marshal(math.NaN())
	}
	return json.Marshal(string(r.Value))
}

func (r *last) UnmarshalJSON(data []byte) error {
	err := json.Unmarshal(data, (*string)(&r.Value))
	if r.Value == "unreadable" {
		panic("a secret of the row")
	}
	return err
}

// explosives is a group whose rule makes each value the row.
func explosives(log logrus.FieldLogger, registry prometheus.Registerer) *goka.GroupGraph {
	return goka.DefineGroup(topics.UserService,
		stream.Input(topics.UserCommands, topics.Codec[explosive]{}, processors.Handle(log, registry, func(row last, value explosive) last {
			if value == "rule" {
				panic("a secret of the rule")
			}
			return last{value}
		})),
		goka.Persist(topics.Codec[last]{}),
		goka.Output(topics.DeadLetters, topics.Bytes{}))
}

func TestHandle_APanicAnywhere_IsADeadLetterWithItsStack_AndTheNextIsHandled(t *testing.T) {
	for _, guarantee := range []stream.Guarantee{stream.ExactlyOnce, stream.AtLeastOnce} {
		t.Run(string(guarantee), func(t *testing.T) {
			w, registry := newWorld(t, guarantee), prometheus.NewRegistry()
			graph := explosives(w.log, registry)
			stop := w.runs(stream.ProcessorConfig{Graph: graph}, nil)
			says := func(text string) { w.says(topics.UserCommands, ada, encoded(t, text)) }
			bad := []string{"decode", "rule", "encode", "unencodable"}
			for _, text := range bad {
				says(text)
			}
			says("good")
			says("unreadable") // once it is the row
			says("row")
			stacks := map[string]string{"decode": "UnmarshalJSON", "rule": "explosives", "encode": "MarshalJSON", "unencodable": "", "row": "UnmarshalJSON"}
			for _, letter := range w.hears(topics.DeadLetters, len(bad)+1) {
				var text string
				if err := json.Unmarshal(letter.Value, &text); err != nil {
					t.Fatal(err)
				}
				stack := header(letter, "dead_letter_stack")
				if want, ok := stacks[text]; !ok || !strings.Contains(stack, want) || (want == "") != (stack == "") {
					t.Errorf("%s has the stack %q", text, stack)
				}
				if reason := header(letter, "dead_letter_reason"); strings.Contains(stack+reason, "secret") {
					t.Errorf("%s tells what it was raised with: %s %s", text, reason, stack)
				}
			}
			if rows := w.hears(topics.UserTable, 2); string(rows[0].Value) != `"good"` {
				t.Errorf("the row is %s", rows[0].Value)
			}
			stop()
			w.runs(stream.ProcessorConfig{Graph: graph}, nil)
			w.says(topics.UserCommands, "grace@example.com", encoded(t, "good"))
			w.hears(topics.UserTable, 3)
			w.hears(topics.DeadLetters, len(bad)+1)
			for reason, want := range map[string]float64{"panic": 4, "other": 1} {
				if n := deadLetters(t, registry, topics.UserService, topics.UserCommands, reason); n != want {
					t.Errorf("%v of %s are counted, want %v", n, reason, want)
				}
			}
		})
	}
}

func TestHandle_APoisonRecord_IsOneDeadLetter_WhoeverComesAndGoes(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	second := w.dial("second")
	w.runs(stream.ProcessorConfig{Graph: explosives(w.log, nil)}, nil)
	const n = 300
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range n {
			key := string(rune('a'+i%26)) + "@example.com"
			w.client.Produce(context.Background(), &kgo.Record{Topic: topics.UserCommands, Key: []byte(key), Value: encoded(t, "rule")}, nil)
			if i%10 == 0 {
				_ = w.client.Flush(t.Context())
			}
		}
		_ = w.client.Flush(t.Context())
	}()
	for range 2 {
		w.runsOn(second, stream.ProcessorConfig{Graph: explosives(w.log, nil)}, nil)()
	}
	<-sent
	ids := map[string]bool{}
	for _, letter := range w.hears(topics.DeadLetters, n) {
		ids[header(letter, "dead_letter_id")] = true
	}
	if len(ids) != n {
		t.Errorf("%d ids of %d letters", len(ids), n)
	}
}

// deadLetters is how many letters of a topic are counted for a reason.
func deadLetters(t *testing.T, registry *prometheus.Registry, group, topic, reason string) float64 {
	t.Helper()
	return counted(t, registry, "countersign_dead_letters_total", "group", group, "reason", reason, "topic", topic)
}

func TestDeadLetters_OfBothGroups_AreCountedByTopicAndReason_From0(t *testing.T) {
	w, registry := newWorld(t, stream.ExactlyOnce), prometheus.NewRegistry()
	w.runs(w.users(processors.UsersConfig{Registry: registry}), nil)
	w.runs(w.mailer(registry), nil)
	for _, topic := range slices.Concat(topics.Events(), []string{topics.MailDeliveries, topics.MailCommands}) {
		if n := deadLetters(t, registry, topics.NotificationService, topic, "origin"); n != 0 {
			t.Errorf("%v of %s are counted before the first", n, topic)
		}
	}
	e := createdEvent(t, ada)
	nobodys := topics.Headers(e.ID, topics.UserAccountCreated, "/somebody/else", e.OccurredAt, nil)
	w.says(topics.UserCommands, ada, []byte("no json"))
	w.says(topics.UserCommands, ada, nil)
	w.says(topics.UserCommands, ada, encoded(t, user.Command{Type: user.Erase, Email: ada}))
	w.saysAs(topics.UserAccountCreated, ada, encoded(t, e), nobodys)
	w.says(topics.UserAccountCreated, ada, encoded(t, topics.Event{Email: ada}))
	w.says(topics.UserAccountDeleted, ada, encoded(t, topics.Event{Email: ada}))
	w.misplaces(topics.UserAccountCreated, ada, encoded(t, e))
	w.says(topics.MailDeliveries, ada, encoded(t, topics.MailDelivery{Email: ada}))
	w.says(topics.MailCommands, ada, encoded(t, topics.MailCommand{Email: ada, Type: topics.RetryMail}))
	w.hears(topics.DeadLetters, 9)
	for _, c := range []struct {
		group, topic, reason string
		want                 float64
	}{
		{topics.UserService, topics.UserCommands, "unreadable", 2},
		{topics.UserService, topics.UserCommands, "invalid", 1},
		{topics.UserService, topics.UserCommands, "place", 0},
		{topics.NotificationService, topics.UserAccountCreated, "origin", 1},
		{topics.NotificationService, topics.UserAccountCreated, "invalid", 1},
		{topics.NotificationService, topics.UserAccountCreated, "place", 1},
		{topics.NotificationService, topics.UserAccountDeleted, "invalid", 1},
		{topics.NotificationService, topics.MailDeliveries, "invalid", 1},
		{topics.NotificationService, topics.MailCommands, "invalid", 1},
	} {
		if n := deadLetters(t, registry, c.group, c.topic, c.reason); n != c.want {
			t.Errorf("%s: %v of %s are %s, want %v", c.group, n, c.topic, c.reason, c.want)
		}
	}
}
