package topics_test

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"countersign/topics"
	"countersign/user"
)

// asyncAPI is what is compared of asyncapi.yaml.
type asyncAPI struct {
	Channels map[string]struct {
		Address  string
		Bindings struct {
			Kafka struct {
				Partitions         int
				TopicConfiguration map[string]any `yaml:"topicConfiguration"`
			}
		}
	}
	Components struct {
		Schemas map[string]struct{ Properties map[string]any }
	}
}

func readAsyncAPI(t *testing.T) (a asyncAPI) {
	t.Helper()
	text, err := os.ReadFile("asyncapi.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAsyncAPI_HasEveryTopic_WithItsSettings(t *testing.T) {
	described := readAsyncAPI(t).Channels
	for _, topic := range topics.All() {
		d, found := described[topic.Name]
		if !found || d.Address != topic.Name {
			t.Errorf("%s is not described", topic.Name)
		}
		settings := map[string]string{}
		for name, value := range d.Bindings.Kafka.TopicConfiguration {
			settings[name] = strings.Trim(fmt.Sprint(value), "[]") // cleanup.policy is a list
		}
		if want := topic.Config(false); !maps.Equal(settings, want) {
			t.Errorf("%s is described with %v, want %v", topic.Name, settings, want)
		}
		if single := d.Bindings.Kafka.Partitions == 1; single != topic.Single {
			t.Errorf("%s is described with %d partitions", topic.Name, d.Bindings.Kafka.Partitions)
		}
		delete(described, topic.Name)
	}
	for name := range described {
		t.Errorf("there is no topic %s", name)
	}
}

func TestAsyncAPI_HasTheFieldsOfEveryMessage(t *testing.T) {
	described := readAsyncAPI(t).Components.Schemas
	for name, message := range map[string]any{
		"event": topics.Event{}, "command": user.Command{}, "delivery": topics.MailDelivery{}, "instance": topics.Instance{},
		"verification": user.Verification{}, "outcome": user.Outcome{},
		"mailCommand": topics.MailCommand{}, "suppression": topics.MailSuppression{},
	} {
		var fields []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(message)) {
			if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag != "-" {
				fields = append(fields, tag)
			}
		}
		slices.Sort(fields)
		if got := slices.Sorted(maps.Keys(described[name].Properties)); !slices.Equal(got, fields) {
			t.Errorf("%s is described with %v, want %v", name, got, fields)
		}
	}
}
