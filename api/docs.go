package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// Rules:
//   - /openapi.json and /docs are made from the operations themselves, once, so both say what the server does;
//   - /docs needs no script and loads nothing from elsewhere.

// docs is what docs.html is filled with.
type docs struct {
	Title, Description string
	Headers            []fieldDocs
	Calls              []callDocs
	Everywhere         []string // the codes of what no call is about
	Problems           []problemDocs
}

type callDocs struct {
	ID, Method, Path, Summary, Description, Curl string
	Asks                                         []fieldDocs
	Answers, Refusals                            []answerDocs
}

type answerDocs struct {
	Status, Description, Example string
	Fields                       []fieldDocs
	Headers, Problems            []string // names
}

type fieldDocs struct {
	ID, Name, Type, What, Limits, Pattern string
	Required                              bool
}

type problemDocs struct {
	*Problem
	Example string
}

// serve adds the description, which must be complete.
func (d *description) serve(r chi.Router, pages fs.FS) error {
	d.spellOut()
	text, err := json.Marshal(d.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	layout, err := template.ParseFS(pages, "docs.html")
	if err != nil {
		return fmt.Errorf("read the API's page: %w", err)
	}
	var html bytes.Buffer
	if err := layout.Execute(&html, newDocs(d.OpenAPI())); err != nil {
		return fmt.Errorf("describe the API for people: %w", err)
	}
	r.Get("/openapi.json", constant("application/openapi+json", text))
	r.Get("/docs", constant("text/html; charset=utf-8", html.Bytes()))
	return nil
}

// constant answers with what never changes while the process runs.
func constant(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(content) // the client is gone: nobody to tell
	}
}

func newDocs(o *huma.OpenAPI) docs {
	d := docs{Title: o.Info.Title, Description: o.Info.Description, Everywhere: slices.Sorted(maps.Keys(o.Components.Responses))}
	for _, name := range slices.Sorted(maps.Keys(o.Components.Headers)) {
		h := o.Components.Headers[name]
		f := newFieldDocs(name, "", true, h.Schema)
		if f.ID, f.What = name, h.Description; h.Extensions[onEveryAnswer] != nil {
			f.What += " On every answer."
		}
		d.Headers = append(d.Headers, f)
	}
	codes := slices.Clone(d.Everywhere)
	for _, op := range operations(o) {
		c := newCallDocs(o, op)
		for _, a := range c.Refusals {
			codes = append(codes, a.Problems...)
		}
		d.Calls = append(d.Calls, c)
	}
	slices.Sort(codes)
	for _, code := range slices.Compact(codes) {
		p := exampleOf(code)
		d.Problems = append(d.Problems, problemDocs{p, indented(p)})
	}
	return d
}

func newCallDocs(o *huma.OpenAPI, op *huma.Operation) callDocs {
	c := callDocs{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description, Curl: curl(o, op)}
	if op.RequestBody != nil {
		c.Asks = bodyDocs(o, op.RequestBody.Content)
	}
	for _, p := range op.Parameters {
		c.Asks = append(c.Asks, newFieldDocs(p.Name, "in the "+p.In, p.Required, p.Schema))
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		a := answerDocs{Status: status, Description: r.Description, Headers: slices.Sorted(maps.Keys(r.Headers))}
		for _, media := range r.Content {
			a.Problems = slices.Sorted(maps.Keys(media.Examples))
		}
		if len(a.Problems) > 0 {
			c.Refusals = append(c.Refusals, a)
			continue
		}
		a.Fields, a.Example = bodyDocs(o, r.Content), indented(bodyExample(o, r.Content))
		c.Answers = append(c.Answers, a)
	}
	return c
}

// bodyDocs describes the fields of a body.
func bodyDocs(o *huma.OpenAPI, content map[string]*huma.MediaType) []fieldDocs {
	schema := bodySchema(o, content)
	var fields []fieldDocs
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		fields = append(fields, newFieldDocs(name, "", slices.Contains(schema.Required, name), schema.Properties[name]))
	}
	return fields
}

// bodySchema returns what a body consists of, an empty schema if it is no object.
func bodySchema(o *huma.OpenAPI, content map[string]*huma.MediaType) *huma.Schema {
	for _, media := range content {
		if s := media.Schema; s != nil && s.Ref != "" {
			return o.Components.Schemas.SchemaFromRef(s.Ref)
		} else if s != nil {
			return s
		}
	}
	return &huma.Schema{}
}

func newFieldDocs(name, place string, required bool, s *huma.Schema) fieldDocs {
	kind := s.Type
	if s.Type == huma.TypeArray {
		kind = "array of " + cmp.Or(s.Items.Type, "objects")
	}
	return fieldDocs{
		Name: name, Type: strings.TrimSpace(cmp.Or(kind, "object") + " " + place), What: s.Description,
		Limits: limitsOf(s), Pattern: s.Pattern, Required: required,
	}
}

// limitsOf says in words what a value must keep to.
func limitsOf(s *huma.Schema) string {
	var limits []string
	say := func(format string, args ...any) { limits = append(limits, fmt.Sprintf(format, args...)) }
	switch {
	case s.MinLength != nil && s.MaxLength != nil:
		say("%d to %d characters", *s.MinLength, *s.MaxLength)
	case s.MaxLength != nil:
		say("at most %d characters", *s.MaxLength)
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		say("%v to %v", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		say("at least %v", *s.Minimum)
	}
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = fmt.Sprint(v)
		}
		say("%s", strings.Join(values, ", "))
	}
	if s.Format != "" && s.Pattern == "" && s.Type == huma.TypeString {
		say("%s", s.Format)
	}
	if s.Default != nil {
		say("%v by default", s.Default)
	}
	return strings.Join(limits, "; ")
}

// bodyExample makes a body of the examples of its fields, nil if it has none.
func bodyExample(o *huma.OpenAPI, content map[string]*huma.MediaType) map[string]any {
	schema := bodySchema(o, content)
	var example map[string]any
	for name, property := range schema.Properties {
		if len(property.Examples) > 0 {
			if example == nil {
				example = map[string]any{}
			}
			example[name] = property.Examples[0]
		}
	}
	return example
}

// curl is a call as it is typed.
func curl(o *huma.OpenAPI, op *huma.Operation) string {
	base := "$URL"
	if len(o.Servers) > 0 {
		base = o.Servers[0].URL
	}
	path := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" && len(p.Schema.Examples) > 0 {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(p.Schema.Examples[0]))
		}
	}
	line := "curl "
	if op.Method != http.MethodGet && op.RequestBody == nil {
		line += "-X " + op.Method + " "
	}
	line += strconv.Quote(base + path)
	if len(op.Security) > 0 {
		for name := range op.Security[0] {
			line += ` -H "Authorization: Bearer $` + strings.ToUpper(name) + `"`
		}
	}
	if op.RequestBody != nil {
		body, err := json.Marshal(bodyExample(o, op.RequestBody.Content))
		if err != nil {
			panic(err) // texts always marshal
		}
		line += ` \` + "\n  -H 'Content-Type: application/json' -H 'Idempotency-Key: sign-up-4711-of-ada' \\\n  -d '" + string(body) + "'"
	}
	return line
}

// indented is JSON for people, empty for nothing.
func indented[T any](v T) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // it was marshalled before
	}
	return strings.TrimPrefix(string(text), "null")
}
