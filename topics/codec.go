package topics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Message is a record's value as it was read. A value that cannot be read is
// no reason to stop a processor: Err says what is wrong, Raw is what it was.
type Message[T any] struct {
	Value T
	Raw   []byte
	Err   error
}

// ErrNoValue means that a record came without a value.
var ErrNoValue = errors.New("record has no value")

// Codec encodes a T or *Message[T] as JSON and decodes JSON as *Message[T]. Its
// Decode never fails.
type Codec[T any] struct{}

// Encode is called by goka for what is emitted or stored.
func (Codec[T]) Encode(value any) ([]byte, error) {
	switch v := value.(type) {
	case T:
		return json.Marshal(v)
	case *Message[T]:
		return json.Marshal(v.Value)
	}
	return nil, fmt.Errorf("encode %T as %T", value, *new(T))
}

// Decode is called by goka for what is read. Fields that are not known are
// passed over: a later version may have added them.
func (Codec[T]) Decode(data []byte) (any, error) {
	m := &Message[T]{Raw: data}
	if len(data) == 0 {
		m.Err = ErrNoValue
		return m, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&m.Value); err != nil {
		m.Err = fmt.Errorf("value is no %T: %w", m.Value, readable(err))
		return m, nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		m.Err = fmt.Errorf("value has more than one %T", m.Value)
	}
	return m, nil
}

// readable keeps the place and kind of a JSON error, and no part of the value.
func readable(err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("field %q must be of another type", kind.Field)
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d", syntax.Offset)
	}
	return errors.New("no JSON of this form")
}

// Bytes passes a value through as it is.
type Bytes struct{}

// Encode takes []byte only.
func (Bytes) Encode(value any) ([]byte, error) {
	b, ok := value.([]byte)
	if !ok {
		return nil, fmt.Errorf("encode %T as bytes", value)
	}
	return b, nil
}

// Decode returns data.
func (Bytes) Decode(data []byte) (any, error) { return data, nil }
