package api

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Rules:
//   - live: the process answers;
//   - ready: every part is, and /readyz names those that are not, and why;
//   - once ready, a part counts as ready again unless it is more than 10 s behind: a rebalance
//     is no reason to take an instance out of service. What no waiting mends has no such grace.

const (
	livePath  = "/livez"
	readyPath = "/readyz"

	behindAtMost = 10 * time.Second
)

// Check is how one part of the process is.
type Check struct {
	Name   string
	Ready  bool
	Reason string        // why not; of one that is ready, what is wrong all the same
	Behind time.Duration // how far it is behind what it follows

	NoGrace bool // not ready counts at once, also after it was ready
}

// readiness remembers whether all parts were ready once.
type readiness struct {
	checks func() []Check

	mu   sync.Mutex
	once bool
}

type readyAnswer struct {
	Ready   bool         `json:"ready"`
	Missing []string     `json:"missing" nullable:"false" doc:"The names of the parts that are not."`
	Checks  []readyCheck `json:"checks" nullable:"false"`
}

type readyCheck struct {
	Name          string  `json:"name"`
	Ready         bool    `json:"ready"`
	Reason        string  `json:"reason,omitempty"`
	BehindSeconds float64 `json:"behind_seconds"`
}

func (r *readiness) now() readyAnswer {
	checks := r.checks()
	r.mu.Lock()
	defer r.mu.Unlock()
	a := readyAnswer{Missing: []string{}, Checks: []readyCheck{}}
	for _, c := range checks {
		if c.Ready && c.Behind > behindAtMost {
			c.Reason = "more than 10 s behind"
		}
		a.Checks = append(a.Checks, readyCheck{c.Name, c.Ready, c.Reason, c.Behind.Seconds()})
		if !c.Ready && (c.NoGrace || !r.once) || c.Behind > behindAtMost {
			a.Missing = append(a.Missing, c.Name)
		}
	}
	a.Ready = len(a.Missing) == 0
	r.once = r.once || a.Ready
	return a
}

// addHealth adds what a supervisor and Prometheus ask.
func addHealth(d *description, r chi.Router, c InternalConfig) {
	d.raw(r, huma.Operation{OperationID: "live", Path: livePath, Summary: "Say that the process answers"},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
		map[string]*huma.Response{"200": {Description: "It does."}})
	const contentType = "application/json"
	d.raw(r, huma.Operation{OperationID: "ready", Path: readyPath, Summary: "Say whether every part is ready, and which are not"},
		&readiness{checks: c.Ready}, map[string]*huma.Response{
			"200": answering("Every part is ready.", contentType, schemaOf[readyAnswer](d)),
			"503": answering("Something is missing.", contentType, schemaOf[readyAnswer](d)),
		})
	d.raw(r, huma.Operation{OperationID: "metrics", Path: "/metrics", Summary: "Show the metrics, for Prometheus"},
		promhttp.HandlerFor(c.Metrics, promhttp.HandlerOpts{}), map[string]*huma.Response{
			"200": answering("In Prometheus' text format.", "text/plain", &huma.Schema{Type: huma.TypeString}),
		})
}

// ServeHTTP answers 200, or 503 while something is missing.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	a := r.now()
	w.Header().Set("Content-Type", "application/json")
	if !a.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(a) // the client is gone: nobody to tell
}
