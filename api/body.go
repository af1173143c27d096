package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Rules:
//   - a body is one JSON object whose values are strings, at most 16 KiB, sent as application/json;
//   - a field that is not known, that stands twice or that is no string is refused: guessing what
//     was meant would hide a client's mistake;
//   - names of fields are compared exactly.

const maxBody = 16 << 10 // bytes

// readBody reads a body of at most maxBody bytes.
func readBody(contentType string, body io.Reader) ([]byte, *Problem) {
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" {
		return nil, newProblem(contentTypeInvalid, "")
	}
	all, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, newProblem(bodyTimeout, "")
	case err != nil:
		return nil, newProblem(jsonMalformed, "the body ended too early")
	case len(all) > maxBody:
		return nil, newProblem(bodyTooLarge, "")
	}
	return all, nil
}

// decode reads a body into the fields of a request.
func decode(body []byte, into map[string]*string) *Problem {
	malformed := newProblem(jsonMalformed, "")
	if !utf8.Valid(body) {
		return malformed
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return malformed
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return malformed
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return malformed
		}
		field := name.(string) // an object's key
		target, known := into[field]
		text, isText := value.(string)
		switch {
		case !known:
			return badFields(wrongField(shortened(field), fieldUnknown))
		case seen[field]:
			return badFields(FieldError{field, fieldInvalid, "must stand only once"})
		case !isText:
			return badFields(wrongField(field, fieldInvalid))
		}
		*target, seen[field] = text, true
	}
	if _, err := d.Token(); err != nil {
		return malformed
	}
	if _, err := d.Token(); err != io.EOF {
		return malformed
	}
	return nil
}

// shortened cuts a name that a client made up.
func shortened(name string) string {
	const most = 64 // characters
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

// fieldsOf returns the fields of a request, a pointer to a struct of strings,
// by their names in JSON.
func fieldsOf(request any) map[string]*string {
	fields := map[string]*string{}
	v := reflect.ValueOf(request).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = v.Field(i).Addr().Interface().(*string)
	}
	return fields
}
