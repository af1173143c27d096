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
	Description string
	Calls       []callDocs
	Problems    []*Problem
}

type callDocs struct {
	ID, Method, Path, Summary, Description string
	Asks, Answers                          []fieldDocs
	Status                                 string
	Problems                               []string
}

type fieldDocs struct {
	Name, Type, What string
	Required         bool
}

// serve adds the description, which must be complete.
func (d *description) serve(r chi.Router, pages fs.FS) error {
	d.spellOut()
	o := d.OpenAPI()
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	layout, err := template.ParseFS(pages, "docs.html")
	if err != nil {
		return fmt.Errorf("read the API's page: %w", err)
	}
	var html bytes.Buffer
	if err := layout.Execute(&html, newDocs(o)); err != nil {
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
	d := docs{Description: o.Info.Description}
	codes := map[string]bool{}
	for path, item := range o.Paths {
		op := cmp.Or(item.Post, item.Get, item.Delete)
		c := callDocs{ID: op.OperationID, Method: op.Method, Path: path, Summary: op.Summary, Description: op.Description, Status: strconv.Itoa(op.DefaultStatus)}
		for _, param := range op.Parameters {
			c.Asks = append(c.Asks, fieldDocs{Name: param.Name, Type: param.In, What: param.Description, Required: param.Required})
		}
		if op.RequestBody != nil {
			c.Asks = append(fieldsDocs(o, op.RequestBody.Content), c.Asks...)
		}
		for status, response := range op.Responses {
			if status == c.Status {
				c.Answers = fieldsDocs(o, response.Content)
			}
			for _, media := range response.Content {
				c.Problems = slices.AppendSeq(c.Problems, maps.Keys(media.Examples))
			}
		}
		slices.Sort(c.Problems)
		for _, code := range c.Problems {
			codes[code] = true
		}
		d.Calls = append(d.Calls, c)
	}
	slices.SortFunc(d.Calls, func(a, b callDocs) int {
		return cmp.Or(-cmp.Compare(a.Method, b.Method), cmp.Compare(a.Path, b.Path))
	})
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		d.Problems = append(d.Problems, newProblem(code, ""))
	}
	return d
}

// fieldsDocs describes the fields of a body.
func fieldsDocs(o *huma.OpenAPI, content map[string]*huma.MediaType) []fieldDocs {
	var fields []fieldDocs
	for _, media := range content {
		schema := media.Schema
		if schema.Ref != "" {
			schema = o.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			property := schema.Properties[name]
			what := property.Description
			if len(property.Enum) > 0 {
				values := make([]string, len(property.Enum))
				for i, v := range property.Enum {
					values[i] = fmt.Sprint(v)
				}
				what = strings.TrimSpace(what + " Is " + strings.Join(values, ", ") + ".")
			}
			fields = append(fields, fieldDocs{name, property.Type, what, slices.Contains(schema.Required, name)})
		}
	}
	return fields
}
