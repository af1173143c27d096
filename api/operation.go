package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// Rules:
//   - huma routes, writes answers and describes; it reads no body and checks no parameter, because its
//     refusals repeat the value at fault (docs/adr/0003-huma.md);
//   - an operation lists every problem it can answer with;
//   - an answer to a POST whose body could be read carries the Idempotency-Key to repeat it with.

// input is what huma hands over of a POST.
type input struct {
	Key string `header:"Idempotency-Key" pattern:"^[!-~]{16,255}$" doc:"Makes a repeated request one command: the same key and body have no second effect and get the same outcome; another body is another command, whatever its key. A repeat answers a verification_id of other characters, which opens to the same verification. Made and answered where none is given."`

	body    []byte
	problem *Problem
}

// Resolve reads the body before huma's own checks could, and sees a key that is empty, which huma takes for none.
func (in *input) Resolve(ctx huma.Context) []error {
	r, _ := humachi.Unwrap(ctx)
	if keys := r.Header.Values("Idempotency-Key"); len(keys) > 0 && keys[0] == "" {
		in.problem = keyProblem()
		return nil
	}
	in.body, in.problem = readBody(ctx.Header("Content-Type"), ctx.BodyReader())
	return nil
}

// output is what huma writes of an answer.
type output[Answer any] struct {
	Key  string `header:"Idempotency-Key"`
	Body *Answer
}

// post adds a call whose body is a Request, a struct of strings.
func post[Request, Answer any](d *description, op huma.Operation, codes []string, call func(context.Context, string, Request) (*Answer, error)) {
	op.Method = http.MethodPost
	if d.behalf != nil {
		codes = append(codes, clientIPInvalid)
	}
	d.prepare(&op, codes, postCodes())
	huma.Register(d.API, op, func(ctx context.Context, in *input) (*output[Answer], error) {
		key, problem := idempotencyKey(in.Key)
		if problem == nil {
			problem = in.problem
		}
		var request Request
		var clientIP string
		fields := fieldsOf(&request)
		if d.behalf != nil {
			fields["client_ip"] = &clientIP
		}
		if problem == nil {
			problem = decode(in.body, fields)
		}
		if problem == nil && d.behalf != nil {
			ctx, problem = d.behalf(ctx, clientIP)
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
	describePost[Request](d, d.OpenAPI().Paths[op.Path].Post)
}

// get adds a call that only reads.
func get[Input, Answer any](d *description, op huma.Operation, codes []string, call func(context.Context, *Input) (*Answer, error)) {
	op.Method = http.MethodGet
	bodiless(d, op, codes, call)
}

// bodiless adds a call that asks by path and query alone.
func bodiless[Input, Answer any](d *description, op huma.Operation, codes []string, call func(context.Context, *Input) (*Answer, error)) {
	type output struct{ Body *Answer }
	d.prepareQuery(&op, codes)
	huma.Register(d.API, op, func(ctx context.Context, in *Input) (*output, error) {
		answer, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		return &output{answer}, nil
	})
}

// streamed adds a GET that answers bit by bit: call returns who writes the answer.
func streamed[Input any](d *description, op huma.Operation, codes []string, answer *huma.Response, call func(context.Context, *Input) (http.HandlerFunc, error)) {
	op.Method = http.MethodGet
	d.prepareQuery(&op, codes)
	op.Responses["200"] = answer
	huma.Register(d.API, op, func(ctx context.Context, in *Input) (*huma.StreamResponse, error) {
		write, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			r, w := humachi.Unwrap(ctx)
			write(w, r)
		}}, nil
	})
}

// postCodes are those that every POST with a body can answer with.
func postCodes() []string {
	return []string{
		jsonMalformed, idempotencyKeyInvalid, bodyTimeout, bodyTooLarge, contentTypeInvalid,
		fieldUnknown, fieldInvalid, rateLimited, unavailable, outcomeUnknown, overloaded, internalError,
	}
}
