package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// Rules:
//   - huma routes, writes answers and describes; it reads no body and checks no parameter, because its
//     refusals repeat the value at fault (docs/adr/0003-huma.md);
//   - an operation lists every problem it can answer with;
//   - an answer to a POST whose body could be read carries the Idempotency-Key to repeat it with.

// newDescription returns huma's side of a router.
func newDescription(r chi.Router, publicURL string) huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Countersign",
				Version:     "1",
				Description: "Confirms that a person owns an e-mail address: register, then verify with the code that was mailed. Evidence is only the 200 of verify.",
			},
		},
		Formats: map[string]huma.Format{
			"application/json": {Marshal: huma.DefaultJSONFormat.Marshal},
			"json":             {Marshal: huma.DefaultJSONFormat.Marshal}, // what ends in +json
		},
		DefaultFormat: "application/json",
	}
	if publicURL != "" {
		config.Servers = []*huma.Server{{URL: publicURL}}
	}
	return humachi.New(r, config)
}

// input is what huma hands over of a POST.
type input struct {
	Key string `header:"Idempotency-Key" minLength:"16" maxLength:"255" pattern:"^[!-~]*$" doc:"Makes a repeated request one command: the same key and body have no second effect and get the same outcome. Made and answered where none is given."`

	body    []byte
	problem *Problem
}

// Resolve reads the body before huma's own checks could.
func (in *input) Resolve(ctx huma.Context) []error {
	in.body, in.problem = readBody(ctx.Header("Content-Type"), ctx.BodyReader())
	return nil
}

// output is what huma writes of an answer.
type output[Answer any] struct {
	Key  string `header:"Idempotency-Key" doc:"The key of this request, to repeat it with."`
	Body *Answer
}

// post adds a call whose body is a Request, a struct of strings.
func post[Request, Answer any](a huma.API, op huma.Operation, codes []string, call func(context.Context, string, Request) (*Answer, error)) {
	op.Method, op.SkipValidateParams = http.MethodPost, true
	op.Responses = describeProblems(a, append(codes, postCodes()...))
	huma.Register(a, op, func(ctx context.Context, in *input) (*output[Answer], error) {
		key, problem := idempotencyKey(in.Key)
		if problem == nil {
			problem = in.problem
		}
		var request Request
		if problem == nil {
			problem = decode(in.body, fieldsOf(&request))
		}
		if problem != nil {
			return nil, problem
		}
		answer, err := call(ctx, key, request)
		if err != nil {
			return nil, huma.ErrorWithHeaders(err, http.Header{"Idempotency-Key": {key}})
		}
		return &output[Answer]{Key: key, Body: answer}, nil
	})
	a.OpenAPI().Paths[op.Path].Post.RequestBody = &huma.RequestBody{
		Required: true,
		Content:  map[string]*huma.MediaType{"application/json": {Schema: schemaOf[Request](a)}},
	}
}

// get adds a call that only reads.
func get[Input, Answer any](a huma.API, op huma.Operation, codes []string, call func(context.Context, *Input) (*Answer, error)) {
	op.Method = http.MethodGet
	bodiless(a, op, codes, call)
}

// bodiless adds a call that asks by path and query alone.
func bodiless[Input, Answer any](a huma.API, op huma.Operation, codes []string, call func(context.Context, *Input) (*Answer, error)) {
	type output struct{ Body *Answer }
	op.SkipValidateParams = true
	op.Responses = describeProblems(a, append(codes, internalError))
	huma.Register(a, op, func(ctx context.Context, in *Input) (*output, error) {
		answer, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		return &output{answer}, nil
	})
}

// postCodes are those that every POST can answer with.
func postCodes() []string {
	return []string{
		jsonMalformed, idempotencyKeyInvalid, bodyTimeout, bodyTooLarge, contentTypeInvalid,
		fieldUnknown, fieldInvalid, unavailable, outcomeUnknown, overloaded, internalError,
	}
}

// describeProblems describes refusals: one response a status, one example a code.
func describeProblems(a huma.API, codes []string) map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	for _, code := range codes {
		p := newProblem(code, problems[code].title+".")
		status := strconv.Itoa(p.Status)
		r := responses[status]
		if r == nil {
			r = &huma.Response{
				Content: map[string]*huma.MediaType{p.ContentType(""): {Schema: schemaOf[Problem](a), Examples: map[string]*huma.Example{}}},
			}
			responses[status] = r
		}
		r.Content[p.ContentType("")].Examples[code] = &huma.Example{Summary: p.Title, Value: p}
		r.Description = strings.TrimPrefix(r.Description+", "+code, ", ")
		for name := range p.header {
			r.Headers = map[string]*huma.Header{name: {Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
	}
	return responses
}

func schemaOf[T any](a huma.API) *huma.Schema {
	return a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}
