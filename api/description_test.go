package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/api"
)

// Every answer of every test in this package is held against the listener's own description: its status, headers, content
// type and body. What the description lacks fails the test that met it.

// described answers as the handler does, and checks what it answers.
type described struct {
	http.Handler
	t           testing.TB
	description openAPI
	schemas     *jsonschema.Compiler // not safe for concurrent use
	mu          sync.Mutex
}

type openAPI struct {
	Paths      map[string]map[string]operation
	Components struct {
		Headers   map[string]header
		Responses map[string]response
		Schemas   map[string]struct {
			Properties map[string]struct{ Examples []any }
		}
	}
}

type operation struct{ Responses map[string]response }

type response struct {
	Headers map[string]header
	Content map[string]struct {
		Examples map[string]struct{ Value json.RawMessage }
	}
}

type header struct {
	Ref           string `json:"$ref"`
	Required      bool
	OnEveryAnswer bool `json:"x-on-every-answer"`
}

const document = "openapi.json"

func newDescribed(t testing.TB, h http.Handler) *described {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://localhost/openapi.json", nil)
	r.Header.Set("Authorization", "Bearer operator")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	d := &described{Handler: h, t: t, schemas: jsonschema.NewCompiler()}
	if w.Code != http.StatusOK {
		return d // it has tokens that only its test knows
	}
	d.schemas.AssertFormat()
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(w.Body.Bytes()))
	if err == nil {
		err = d.schemas.AddResource(document, whole)
	}
	if err == nil {
		err = json.Unmarshal(w.Body.Bytes(), &d.description)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *described) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &witness{ResponseWriter: w, status: http.StatusOK}
	d.Handler.ServeHTTP(seen, r)
	if err := d.hold(r, seen); err != nil && d.description.Paths != nil {
		d.t.Errorf("%s %s answers %d, and is not described so: %v\n%.500s", r.Method, r.URL.Path, seen.status, err, &seen.body)
	}
}

// witness keeps what is answered.
type witness struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(b []byte) (int, error) {
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

// hold says in what an answer is not as it is described.
func (d *described) hold(r *http.Request, w *witness) error {
	path, operations := d.find(r.URL.EscapedPath())
	method := strings.ToLower(strings.Replace(r.Method, http.MethodHead, http.MethodGet, 1))
	operation, known := operations[method]
	at := "/paths/" + pointer(path) + "/" + method + "/responses/" + strconv.Itoa(w.status)
	answer, described := operation.Responses[strconv.Itoa(w.status)]
	if !known {
		code := map[int]string{http.StatusNotFound: "not_found", http.StatusMethodNotAllowed: "method_not_allowed"}[w.status]
		if path == "" && code != "not_found" || code == "" {
			return nil // a page, or what stands in front of everything
		}
		at, answer, described = "/components/responses/"+code, d.description.Components.Responses[code], true
	}
	if !described {
		return fmt.Errorf("the status")
	}
	if err := d.holdHeaders(answer, w.Header()); err != nil {
		return err
	}
	if len(answer.Content) == 0 && w.body.Len() == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if _, told := answer.Content[media]; err != nil || !told {
		return fmt.Errorf("the content type")
	}
	if media != "application/json" && media != "application/problem+json" || r.Method == http.MethodHead {
		return nil
	}
	return d.holdBody(at+"/content/"+pointer(media)+"/schema", w.body.Bytes())
}

// find returns the path's operations, and the template under which they stand.
func (d *described) find(path string) (string, map[string]operation) {
	if operations, found := d.description.Paths[path]; found {
		return path, operations
	}
	parts := strings.Split(path, "/")
	for template, operations := range d.description.Paths {
		wanted := strings.Split(template, "/")
		if len(wanted) == len(parts) && slices.EqualFunc(wanted, parts, func(want, part string) bool {
			return want == part || strings.HasPrefix(want, "{") && part != ""
		}) {
			return template, operations
		}
	}
	return "", nil
}

func (d *described) holdHeaders(answer response, got http.Header) error {
	known := map[string]bool{"Content-Type": true, "Content-Length": true, "Content-Encoding": true, "Vary": true}
	for name, h := range d.description.Components.Headers {
		if h.OnEveryAnswer {
			known[http.CanonicalHeaderKey(name)] = true
		}
		if h.OnEveryAnswer && got.Get(name) == "" {
			return fmt.Errorf("it has no header %s", name)
		}
	}
	for name, h := range answer.Headers {
		known[http.CanonicalHeaderKey(name)] = true
		if h.Required && got.Get(name) == "" {
			return fmt.Errorf("it has no header %s", name)
		}
	}
	for name := range got {
		if !known[name] && !strings.HasPrefix(name, "Access-Control-") { // those belong to the setting, not to a call
			return fmt.Errorf("the header %s", name)
		}
	}
	return nil
}

func (d *described) holdBody(schema string, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.schemas.Compile(document + "#" + schema)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// pointer escapes a part of a JSON pointer in a URL (RFC 6901 §6).
func pointer(part string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(part)
}

// onlyOfForms are the codes that a page's form can end in, and no call.
var onlyOfForms = []string{"form_malformed"}

func TestDescription_HasEveryCode_WithAnExampleThatIsOne(t *testing.T) {
	s := newSite(t)
	operator := newSite(t).inside(func(c *api.InternalConfig) { c.Operator, c.Token = "operator", "reader" })
	open := newSite(t).inside(nil)
	found := map[string]bool{}
	for _, h := range []http.Handler{s.handler, operator, open} {
		d := h.(*described)
		d.eachExample(func(at, code string, example json.RawMessage) {
			found[code] = true
			if err := d.holdBody(at, example); err != nil {
				t.Errorf("the example of %s: %v", code, err)
			}
		})
	}
	for _, code := range api.Codes() {
		if !found[code] && !slices.Contains(onlyOfForms, code) {
			t.Errorf("no call is described to answer %s", code)
		}
	}
}

// eachExample calls f with the examples of problems, the schemas that they are of, and their codes.
func (d *described) eachExample(f func(at, code string, example json.RawMessage)) {
	each := func(at string, responses map[string]response) {
		for status, r := range responses {
			for media, content := range r.Content {
				for code, example := range content.Examples {
					f(at+"/"+status+"/content/"+pointer(media)+"/schema", code, example.Value)
				}
			}
		}
	}
	each("/components/responses", d.description.Components.Responses)
	for path, operations := range d.description.Paths {
		for method, o := range operations {
			each("/paths/"+pointer(path)+"/"+method+"/responses", o.Responses)
		}
	}
}

func TestDescription_TheExampleOfAProblem_IsWhatIsAnswered(t *testing.T) {
	s := newSite(t)
	do := s.internal(nil)
	examples := map[string]json.RawMessage{}
	for _, h := range []http.Handler{s.handler, s.inside(nil)} {
		h.(*described).eachExample(func(_, code string, example json.RawMessage) { examples[code] = example })
	}
	post := func(body string) answer { return s.do(http.MethodPost, "/api/register", "application/json", "", body) }
	guess := func(id, field, value string) answer {
		return s.call("/api/verify", "", map[string]string{"verification_id": id, field: value})
	}
	proven, code := s.register("ada@example.com")
	guess(proven, "code", code)
	guessed, other := s.register("grace@example.com")
	wrong := wrongCode(other)
	answers := map[string]answer{
		"json_malformed":          post("{"),
		"idempotency_key_invalid": s.do(http.MethodPost, "/api/register", "application/json", "short", "{}"),
		"content_type_invalid":    s.do(http.MethodPost, "/api/register", "text/plain", "", "{}"),
		"body_too_large":          post(strings.Repeat(" ", 17<<10)),
		"field_unknown":           post(object("nickname", "x")),
		"field_invalid":           post(`{"email":1}`),
		"email_invalid":           post(object("email", "x", "first_name", "Ada")),
		"email_unsupported":       post(object("email", `"x"@example.com`, "first_name", "Ada")),
		"first_name_invalid":      post(object("email", "ada@example.com", "first_name", "1")),
		"last_name_invalid":       post(object("email", "ada@example.com", "first_name", "Ada", "last_name", "1")),
		"locale_invalid":          post(object("email", "ada@example.com", "first_name", "Ada", "locale", "?")),
		"verification_id_invalid": guess("x", "code", code),
		"code_malformed":          guess(guessed, "code", "x"),
		"token_malformed":         guess(guessed, "token", "x"),
		"code_expired":            guess(proven, "code", code),
		"code_invalid":            guess(guessed, "code", wrong),
		"not_found":               s.do(http.MethodGet, "/api/nothing", "", "", ""),
		"method_not_allowed":      s.do(http.MethodGet, "/api/register", "", "", ""),
		"parameter_invalid":       do(http.MethodGet, "/users?limit=0"),
		"user_not_found":          do(http.MethodGet, "/users/nobody@example.com"),
		"dead_letter_not_found":   do(http.MethodGet, "/dead-letters/1"),
		"mail_not_found":          do(http.MethodGet, "/mails/1"),
		"suppression_not_found":   do(http.MethodGet, "/suppressions/ada@example.com"),
		"host_forbidden":          do(http.MethodGet, "/users", "Host", "evil.example"),
		"origin_forbidden":        do(http.MethodDelete, "/users/ada@example.com", "Sec-Fetch-Site", "cross-site"),
	}
	for range 5 { // the last try and one more
		answers["too_many_attempts"] = guess(guessed, "code", wrong)
	}
	for code, err := range map[string]error{"unavailable": api.ErrUnavailable, "overloaded": api.ErrOverloaded, "outcome_unknown": api.ErrOutcomeUnknown} {
		s.set(func(f *fold) { f.sendErr = err })
		answers[code] = post(object("email", "new@example.com", "first_name", "Ada"))
	}
	for code, a := range answers {
		var want any
		if err := json.Unmarshal(examples[code], &want); err != nil {
			t.Fatalf("the example of %s: %v", code, err)
		}
		if !reflect.DeepEqual(want, any(a.json(t))) {
			t.Errorf("%s is answered\n%s\nand described\n%s", code, a.body, examples[code])
		}
	}
}

func TestDescription_WhatFieldsShow_MakesBodiesThatAreValid(t *testing.T) {
	s := newSite(t)
	for _, h := range []http.Handler{s.handler, s.inside(nil)} {
		d := h.(*described)
		for name, schema := range d.description.Components.Schemas {
			body := map[string]any{}
			for field, property := range schema.Properties {
				if len(property.Examples) > 0 {
					body[field] = property.Examples[0]
				}
			}
			text, err := json.Marshal(body)
			if err == nil && len(body) > 0 {
				err = d.holdBody("/components/schemas/"+name, text)
			}
			if err != nil {
				t.Errorf("the example of %s: %v", name, err)
			}
		}
	}
}
