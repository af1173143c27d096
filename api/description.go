package api

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"countersign/user"
)

// Rules:
//   - the description is made from what the calls are made from, and a test holds every answer against it;
//   - under each status a call names the codes that it has, and gives an example of each;
//   - a header stands where it can come. What every answer has is described once;
//   - what no call is about, a path that is not there or a method that is not possible, is described once, too.

// onEveryAnswer marks the description of a header that every answer has.
const onEveryAnswer = "x-on-every-answer"

// description is huma's side of a listener: its router, and what is said of it.
type description struct {
	huma.API
	// guard describes what the listener asks for before a call, and returns the codes with which it refuses. Defaults to
	// nothing.
	guard func(op *huma.Operation) (codes []string)
	// knownOnly says that a query is refused with a parameter that its call does not have. Defaults to passing over it.
	knownOnly bool
	// publicAddresses says that an address must have a domain to which a real relay could deliver.
	publicAddresses bool
	// limited says that answers tell what is left of the client's limit.
	limited bool
	// behalf takes the client_ip of a body, which then must name one. Defaults to none: the client is who asks.
	behalf func(ctx context.Context, clientIP string) (context.Context, *Problem)
}

// newDescription returns the description of a listener. text says what it is for.
func newDescription(r chi.Router, title, text string) *description {
	d := &description{API: humachi.New(r, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: title, Version: "1", Description: text},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer), Headers: headers()},
		},
		Formats: map[string]huma.Format{
			"application/json": {Marshal: huma.DefaultJSONFormat.Marshal},
			"json":             {Marshal: huma.DefaultJSONFormat.Marshal}, // what ends in +json
		},
		DefaultFormat: "application/json",
	})}
	d.everyAnswerHas(onEvery()...)
	d.OpenAPI().Components.Responses = map[string]*huma.Response{}
	for _, r := range d.refusals(notFound, methodNotAllowed) {
		d.OpenAPI().Components.Responses[r.Description] = r
	}
	return d
}

// formats says what a format asks for.
var formats = map[string]struct {
	pattern     string
	never       string // a pattern of what must not be in it
	least, most int    // characters
	example     string // of every field
}{
	"email":           {least: 3, most: 254},
	"verification-id": {pattern: `^1~[A-Za-z0-9_-]{1,16}~[A-Za-z0-9_-]{54,}$`, most: 1024, example: "1~a~kqJ3bBGPDHiTgPWu2RcGRUZ9O6EXFb2u0WNGLUtBX2dTaG93bkFzQW5FeGFtcGxl"},
	"language-tag":    {pattern: `^([A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*)?$`, most: user.MaxLocale},
	"person-name": {
		pattern: `^(([ '’\p{M}-]|\. )*\p{L}([ '’\p{L}\p{M}-]|\. )*\.?)?$`,
		never:   "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]", // letters and marks that are invisible
		most:    64,
	},
}

// spellOut adds to each schema what its format is, and to each answer what all of them have.
func (d *description) spellOut() {
	spell := func(s *huma.Schema) {
		f, ours := formats[s.Format]
		if !ours {
			return
		}
		s.Pattern, s.MaxLength = f.pattern, &f.most
		if f.example != "" {
			s.Examples = []any{f.example}
		}
		if f.least > 0 {
			s.MinLength = &f.least
		}
		never := f.never
		if s.Format == "email" && d.publicAddresses {
			never = `\.(` + strings.Join(user.SpecialDomains(), "|") + `)$`
		}
		if never != "" {
			s.Not = &huma.Schema{Pattern: never}
		}
	}
	for _, s := range d.OpenAPI().Components.Schemas.Map() {
		for _, property := range s.Properties {
			spell(property)
		}
	}
	for _, op := range operations(d.OpenAPI()) {
		for _, parameter := range op.Parameters {
			spell(parameter.Schema)
			parameter.AllowEmptyValue = parameter.In == "query" // as if it were not there
		}
		for _, answer := range op.Responses {
			if d.limited && strings.HasPrefix(op.Path, "/api/") {
				answer.Headers["RateLimit"], answer.Headers["RateLimit-Policy"] = headerRef("RateLimit"), headerRef("RateLimit-Policy")
			}
		}
	}
}

// operations lists them by path and method.
func operations(o *huma.OpenAPI) []*huma.Operation {
	var all []*huma.Operation
	for _, path := range slices.Sorted(maps.Keys(o.Paths)) {
		item := o.Paths[path]
		for _, op := range []*huma.Operation{item.Post, item.Get, item.Delete} {
			if op != nil {
				all = append(all, op)
			}
		}
	}
	return all
}

// headers describes the headers of answers.
func headers() map[string]*huma.Header {
	text := func(description string, example any) *huma.Header {
		return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	one := 1.0
	all := map[string]*huma.Header{
		"Retry-After":      {Description: "Seconds after which to ask again (RFC 9110 §10.2.3).", Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &one}, Example: 5},
		"Idempotency-Key":  text("The key of this request, to repeat it with: the one given, or one that was made.", "q6nMuRq1TpNJEsXOzdSLBPAs0GBgd6kN"),
		"RateLimit-Policy": text("How many requests a client may send in a window of so many seconds (draft-ietf-httpapi-ratelimit-headers-10).", `"commands";q=60;w=60`),
		"RateLimit":        text("How many of them are left to this client, and in how many seconds there are more.", `"commands";r=59;t=42`),
		"Allow":            text("The methods that the path has (RFC 9110 §10.2.1).", "POST"),
		"WWW-Authenticate": text("What is asked for (RFC 6750 §3).", "Bearer"),
	}
	all["Idempotency-Key"].Schema.Pattern = keyPattern
	return all
}

// everyAnswerHas describes headers that do not depend on the call.
func (d *description) everyAnswerHas(headers ...fixedHeader) {
	for _, h := range headers {
		d.OpenAPI().Components.Headers[h.name] = &huma.Header{
			Description: h.why, Schema: &huma.Schema{Type: huma.TypeString}, Example: h.value,
			Required: true, Extensions: map[string]any{onEveryAnswer: true},
		}
	}
}

// prepare describes what a call refuses and what stands in front of it.
func (d *description) prepare(op *huma.Operation, codes ...[]string) {
	op.SkipValidateParams = true
	if d.guard != nil {
		codes = append(codes, d.guard(op))
	}
	op.Responses = d.refusals(slices.Concat(codes...)...)
}

// prepareQuery is prepare, of a call that asks by path and query alone.
func (d *description) prepareQuery(op *huma.Operation, codes []string) {
	own := []string{internalError}
	if d.knownOnly {
		knownOnly(op)
		own = append(own, parameterInvalid)
	}
	d.prepare(op, codes, own)
}

// refusals describes problems: one response a status, one example a code.
func (d *description) refusals(codes ...string) map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	for _, code := range codes {
		p := exampleOf(code)
		status := strconv.Itoa(p.Status)
		r := responses[status]
		if r == nil {
			only := &huma.Schema{Properties: map[string]*huma.Schema{"status": {Const: p.Status}, "code": {Type: huma.TypeString}}}
			r = &huma.Response{Headers: map[string]*huma.Header{}, Content: map[string]*huma.MediaType{p.ContentType(""): {
				Schema:   &huma.Schema{AllOf: []*huma.Schema{schemaOf[Problem](d), only}},
				Examples: map[string]*huma.Example{},
			}}}
			responses[status] = r
		}
		content := r.Content[p.ContentType("")]
		if content.Examples[code] != nil {
			continue
		}
		content.Examples[code] = &huma.Example{Summary: p.Title, Value: p}
		enum := content.Schema.AllOf[1].Properties["code"]
		enum.Enum = append(enum.Enum, code)
		r.Description = strings.TrimPrefix(r.Description+", "+code, ", ")
		for name := range p.header {
			r.Headers[name] = headerRef(name)
		}
		if name := problems[code].header; name != "" {
			r.Headers[name] = headerRef(name)
		}
	}
	return responses
}

func headerRef(name string) *huma.Header { return &huma.Header{Ref: "#/components/headers/" + name} }

// exampleOf is a problem with that code, as a call would answer it.
func exampleOf(code string) *Problem {
	kind := problems[code]
	p := newProblem(code, "")
	switch result := user.Result(code); {
	case refusals[result] != "":
		p = refusal(user.Outcome{Result: result, AttemptsRemaining: 4}, "code")
	case kind.field != "":
		p = badFields(wrongField(kind.field, code))
	}
	return p
}

// link says how a call goes on from what another answered.
func (d *description) link(from, to string, link *huma.Link) {
	for _, op := range operations(d.OpenAPI()) {
		if op.OperationID == from {
			answer := op.Responses[strconv.Itoa(op.DefaultStatus)]
			if answer.Links == nil {
				answer.Links = map[string]*huma.Link{}
			}
			link.OperationID = to
			answer.Links[to] = link
		}
	}
}

// raw adds a GET whose handler is no call of ours, and describes what it answers by status.
func (d *description) raw(r chi.Router, op huma.Operation, h http.Handler, answers map[string]*huma.Response) {
	r.Method(http.MethodGet, op.Path, h)
	op.Method = http.MethodGet
	d.prepare(&op)
	maps.Copy(op.Responses, answers)
	d.OpenAPI().AddOperation(&op)
}

// answering describes an answer with a body.
func answering(description, contentType string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{contentType: {Schema: schema}}}
}

// describePost adds to a POST what huma does not see: its body, and the key that every answer may have.
func describePost[Request any](d *description, op *huma.Operation) {
	schema := schemaOf[Request](d)
	if d.behalf != nil {
		describeBehalf(d.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref))
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	for _, r := range op.Responses {
		r.Headers["Idempotency-Key"] = headerRef("Idempotency-Key")
	}
}

func schemaOf[T any](d *description) *huma.Schema {
	return d.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}
