package topics

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/v1"
)

// Message is a record's value as it was read. A value that cannot be read is
// no reason to stop a processor: Err says what is wrong, Raw is what it was,
// Value is the zero one.
type Message[T any] struct {
	Value T
	Raw   []byte
	Err   error
}

var (
	// ErrNoValue means that a record came without a value.
	ErrNoValue = errors.New("record has no value")
	// ErrUnreadable means that a value is not JSON of the form that it must have.
	ErrUnreadable = errors.New("value cannot be read")
)

// Codec encodes a T as JSON and decodes JSON as *Message[T]. Its Decode neither
// fails nor panics.
type Codec[T any] struct{}

// Encode is called by goka for what is emitted or stored. Bytes were encoded
// before, and stay as they are.
func (Codec[T]) Encode(value any) ([]byte, error) {
	switch v := value.(type) {
	case T:
		return Encode(v)
	case []byte:
		return v, nil
	}
	return nil, fmt.Errorf("encode %T as %T", value, *new(T))
}

// Decode is called by goka for what is read. Fields that are not known are
// passed over: a later version may have added them.
func (Codec[T]) Decode(data []byte) (any, error) {
	m := &Message[T]{Raw: data}
	m.Err = Guard(func() error { return decode(data, &m.Value) })
	if m.Err != nil {
		m.Value = *new(T) // what was read by then is no message
	}
	return m, nil
}

func decode[T any](data []byte, into *T) error {
	if len(data) == 0 {
		return ErrNoValue
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w as %T: %w", ErrUnreadable, *into, readable(err))
	}
	return nil
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

// Encode is what Codec writes of a value, for who must have it before goka asks.
func Encode(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, errEncode)
	}
	return data, nil
}

// errEncode stands for JSON's own words, which may hold a part of the value.
var errEncode = errors.New("it cannot be written as JSON")

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
