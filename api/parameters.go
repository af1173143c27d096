package api

import (
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// Rules:
//   - a query of the internal listener that a call without a body cannot have meant is refused, whatever it asks: an answer
//     without a filter would be taken for one with it;
//   - that is one with a parameter that the call does not have, that stands twice, or that cannot be read;
//   - a parameter that it has, without a value, is as if it were not there.

// knownOnly has a call refuse what it does not know.
func knownOnly(op *huma.Operation) {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		if problem := badQuery(r.URL.RawQuery, ctx.Operation()); problem != nil {
			problem.ServeHTTP(w, r)
			return
		}
		next(ctx)
	})
}

// badQuery says what is wrong with a query, nil if nothing is.
func badQuery(query string, op *huma.Operation) *Problem {
	given, err := url.ParseQuery(query)
	if err != nil {
		return newProblem(parameterInvalid, "the query must have the form name=value&name=value, percent-encoded")
	}
	var known []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	var wrong []FieldError
	for name, values := range given {
		switch {
		case !slices.Contains(known, name):
			wrong = append(wrong, FieldError{shortened(name), parameterInvalid, "is no parameter of this call, which has " + orNone(known)})
		case len(values) > 1:
			wrong = append(wrong, FieldError{name, parameterInvalid, "must stand only once"})
		}
	}
	slices.SortFunc(wrong, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return badFields(wrong...)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
