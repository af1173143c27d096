package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
)

// Rules:
//   - a request is logged and measured by its route's pattern, never by its path, query or body:
//     they hold addresses and handles;
//   - a panic is logged once and answered as internal_error;
//   - a path or method that no route has is a problem too.

// everywhere puts in front of a router's routes what all of them have.
func everywhere(r chi.Router, listener string, log logrus.FieldLogger, registry prometheus.Registerer) error {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:        "countersign_http_request_duration_seconds",
		Help:        "How long requests took.",
		ConstLabels: prometheus.Labels{"listener": listener},
		Buckets:     []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})
	if registry != nil {
		if err := registry.Register(took); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	r.Use(observed(listener, log, took), traced, answeringWith(onEvery()...), middleware.GetHead)
	r.NotFound(newProblem(notFound, "").ServeHTTP)
	r.MethodNotAllowed(wrongMethod)
	return nil
}

// observed logs and measures requests.
func observed(listener string, log logrus.FieldLogger, took *prometheus.HistogramVec) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
			recovered(next, ww, r, log)
			elapsed := time.Since(start)
			method, route, status := r.Method, chi.RouteContext(r.Context()).RoutePattern(), max(ww.Status(), http.StatusOK)
			if !slices.Contains(methods(), method) {
				method = "other" // a client cannot make up time series
			}
			if route == "" {
				route = "none"
			}
			took.WithLabelValues(method, route, strconv.Itoa(status)).Observe(elapsed.Seconds())
			log.WithFields(logrus.Fields{
				"listener": listener, "method": method, "route": route, "status": status,
				"bytes": ww.BytesWritten(), "duration_ms": elapsed.Milliseconds(), "client": clientOf(r.Context()).inLog,
			}).Debug("request answered")
		})
	}
}

// recovered answers a request, also where its handler panics.
func recovered(next http.Handler, w middleware.WrapResponseWriter, r *http.Request, log logrus.FieldLogger) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause != http.ErrAbortHandler {
			log.WithFields(logrus.Fields{"panic": cause, "stack": string(debug.Stack())}).Error("handler panicked")
		}
		if w.Status() != 0 {
			panic(http.ErrAbortHandler) // half an answer is out: net/http ends the connection
		}
		newProblem(internalError, "").ServeHTTP(w, r)
	}()
	next.ServeHTTP(w, r)
}

func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
}

// wrongMethod says which methods the path has (RFC 9110 §15.5.6). One with a route of its own has no method of the routes
// that it only resembles: /dead-letters/retry is no letter.
func wrongMethod(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	routes := map[string]string{}
	ofItsOwn := false
	for _, method := range methods() {
		routes[method] = chi.RouteContext(r.Context()).Routes.Find(chi.NewRouteContext(), method, path)
		ofItsOwn = ofItsOwn || routes[method] == path
	}
	for _, method := range methods() {
		if route := routes[method]; route != "" && (route == path || !ofItsOwn) {
			w.Header().Add("Allow", method)
		}
	}
	newProblem(methodNotAllowed, "").ServeHTTP(w, r)
}
