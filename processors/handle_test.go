package processors_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
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
func explosives(log logrus.FieldLogger) *goka.GroupGraph {
	return goka.DefineGroup(topics.UserService,
		stream.Input(topics.UserCommands, topics.Codec[explosive]{}, processors.Handle(log, func(row last, value explosive) last {
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
			w := newWorld(t, guarantee)
			stop := w.runs(explosives(w.log), nil)
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
			w.runs(explosives(w.log), nil)
			w.says(topics.UserCommands, "grace@example.com", encoded(t, "good"))
			w.hears(topics.UserTable, 3)
			w.hears(topics.DeadLetters, len(bad)+1)
		})
	}
}

func TestHandle_APoisonRecord_IsOneDeadLetter_WhoeverComesAndGoes(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	second := w.dial("second")
	w.runs(explosives(w.log), nil)
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
		w.runsOn(second, explosives(w.log), nil)()
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
