package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"
)

const (
	livePath  = "/livez"
	readyPath = "/readyz"
)

// InternalConfig is what the internal listener of a role is made of.
type InternalConfig struct {
	Users           Users // Defaults to none: no /users
	Mails           Mails // needed with Users
	PublicAddresses bool  // as in Config

	Instances Instances // Defaults to none: no /topology

	Ready    func() []Check          // how the parts of the process are
	Token    string                  // INTERNAL_TOKEN. Defaults to none: only names of this machine are answered
	Extras   map[string]http.Handler // further handlers, by the path at and under which each one answers, like /inbox
	Metrics  prometheus.Gatherer     // for /metrics
	Registry prometheus.Registerer   // Defaults to none: nothing is measured
	Log      logrus.FieldLogger
}

// NewInternal returns the internal listener's handler. Errors name what is
// missing from the configuration.
func NewInternal(c InternalConfig) (http.Handler, error) {
	if c.Ready == nil || c.Metrics == nil || c.Log == nil || c.Users != nil && c.Mails == nil {
		return nil, errors.New("internal listener: Ready, Metrics and Log are needed, and Mails with Users")
	}
	r := chi.NewMux()
	if err := everywhere(r, "internal", c.Log, c.Registry); err != nil {
		return nil, fmt.Errorf("internal listener: %w", err)
	}
	r.Use(guard(c.Token))
	r.Get(livePath, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	r.Method(http.MethodGet, readyPath, &readiness{checks: c.Ready})
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(c.Metrics, promhttp.HandlerOpts{}))
	d := newDescription(r, "")
	if c.Users != nil {
		l := &lookup{users: c.Users, mails: c.Mails, publicAddresses: c.PublicAddresses, log: c.Log}
		get(d, huma.Operation{
			OperationID: "user", Path: "/users/{email}", Summary: "Show what is known of an address",
		}, []string{emailInvalid, emailUnsupported, userNotFound, unavailable}, l.user)
	}
	if c.Instances != nil {
		get(d, huma.Operation{
			OperationID: "topology", Path: "/topology", Summary: "Show who runs, and what each owns",
		}, []string{unavailable}, (&overview{c.Instances, c.Log}).topology)
	}
	for path, h := range c.Extras {
		r.Mount(path, h)
	}
	return r, nil
}
