package e2e

// Settings that change how the whole works.

import (
	"encoding/json"
	"testing"

	"countersign/topics"
)

func TestAtLeastOnce_RegistersAndVerifies(t *testing.T) {
	s := start(t, map[string]string{"PROCESSING_GUARANTEE": "at_least_once"})
	p := newPerson(0)
	check(t, p.proves(t.Context(), s))
	_, err := s.mails.await(t.Context(), p.address, accountVerified)
	check(t, err)
}

func TestEventsIncludeCode_PutsTheMailedCodeIntoTheEvent(t *testing.T) {
	for name, test := range map[string]struct {
		setting string
		want    func(code string) string
	}{
		"On":  {"true", func(code string) string { return code }},
		"Off": {"false", func(string) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, map[string]string{"EVENTS_INCLUDE_CODE": test.setting, "KAFKA_COMPRESSION": "zstd"})
			p := newPerson(0)
			check(t, p.proves(t.Context(), s))
			code, err := p.mailedCode(t.Context(), s)
			check(t, err)
			var event struct {
				Code string `json:"code"`
			}
			check(t, json.Unmarshal(of(p.address, s.read(t, topics.UserAccountCreated))[0].Value, &event))
			if event.Code != test.want(code) {
				t.Errorf("the event has the code %q, the mail %q", event.Code, code)
			}
			s.stop(t)
		})
	}
}
