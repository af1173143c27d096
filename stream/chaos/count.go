package chaos

import (
	"encoding/json"
	"errors"
)

// Count is the row of a key, and the event that goes with it.
type Count struct {
	// Number is how many commands the key has had.
	Number int `json:"number"`
	// Command is the id of the last of them.
	Command string `json:"command"`
	// Attempt names the call that wrote this. A command that is processed again has another: a row and an event with the
	// same one are of the same transaction, and what an aborted transaction wrote can be told from what was committed.
	Attempt string `json:"attempt"`
}

// CountCodec is the goka.Codec of Count.
type CountCodec struct{}

// Encode is part of goka.Codec.
func (CountCodec) Encode(v any) ([]byte, error) { return json.Marshal(v) }

// Decode is part of goka.Codec.
func (CountCodec) Decode(b []byte) (any, error) {
	var c Count
	if json.Unmarshal(b, &c) != nil {
		return nil, errors.New("not a count")
	}
	return c, nil
}

// Topics of a group of counters.
type Topics struct{ Commands, Events, Table string }

// TopicsOf returns the topics of a group.
func TopicsOf(group string) Topics {
	return Topics{Commands: group + "-commands", Events: group + "-events", Table: group + "-table"}
}
