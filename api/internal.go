package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
)

// InternalConfig is what the internal listener of a role is made of.
type InternalConfig struct {
	Users           Table     // Defaults to none: no /users, no /stream, no /mails, no /suppressions, and no /dead-letters
	Mails           MailTable // needed with Users, as what follows
	MailCommands    MailCommands
	Suppressions    Suppressions
	Commands        Commands
	DeadLetters     DeadLetters
	History         History
	PublicAddresses bool // as in Config

	Public    *Public   // whose register, verify and resend a team's backend may ask here. Defaults to none: no /api
	Instances Instances // Defaults to none: no /topology

	Ready    func() []Check          // how the parts of the process are
	Token    string                  // INTERNAL_TOKEN, to read. Defaults to none: only names of this machine are answered
	Operator string                  // OPERATOR_TOKEN, to change. Defaults to none: with Token nothing can be changed
	Pages    fs.FS                   // web/public: the page of the description, and what it loads
	Extras   map[string]http.Handler // further handlers, by the path at and under which each one answers, like /inbox
	Metrics  prometheus.Gatherer     // for /metrics
	Registry prometheus.Registerer   // Defaults to none: nothing is measured
	Log      logrus.FieldLogger
}

// wholeWithUsers says whether all is there that is needed with Users.
func (c InternalConfig) wholeWithUsers() bool {
	return c.Mails != nil && c.MailCommands != nil && c.Suppressions != nil && c.Commands != nil && c.DeadLetters != nil && c.History != nil
}

// NewInternal returns the internal listener's handler. Errors name what is
// missing from the configuration.
func NewInternal(c InternalConfig) (http.Handler, error) {
	if c.Ready == nil || c.Metrics == nil || c.Pages == nil || c.Log == nil || c.Users != nil && !c.wholeWithUsers() {
		return nil, errors.New("internal listener: Ready, Metrics, Pages and Log are needed, and with Users all that goes with them")
	}
	r := chi.NewMux()
	r.Use(seen(nil, netip.Addr.String), acceptLanguage)
	if err := everywhere(r, "internal", c.Log, c.Registry); err != nil {
		return nil, fmt.Errorf("internal listener: %w", err)
	}
	guard := tokens{c.Token, c.Operator}
	r.Use(guard.guard)
	if c.Public != nil {
		r.Use(c.Public.calls.paced, c.Public.calls.unlessFull(asProblem))
	}
	d := newDescription(r, "Countersign, inside",
		"For a team's own services and its operators: what is known of an account, what became of mails, what could not be handled, who runs.")
	d.knownOnly, d.publicAddresses = true, c.PublicAddresses
	guard.describe(d)
	addHealth(d, r, c)
	if c.Users != nil {
		addUsers(d, c)
		addMails(d, c)
		addSuppressions(d, c)
		addDeadLetters(d, c)
	}
	if c.Public != nil {
		d.behalf, d.limited = c.Public.calls.onBehalf, c.Public.calls.commands != nil
		c.Public.calls.addCalls(d)
	}
	if c.Instances != nil {
		get(d, huma.Operation{
			OperationID: "topology", Path: "/topology", Summary: "Show who runs, and what each owns",
		}, []string{unavailable}, (&overview{c.Instances, c.Log}).topology)
	}
	if err := d.serve(r, c.Pages); err != nil {
		return nil, fmt.Errorf("internal listener: %w", err)
	}
	serveFiles(r, c.Pages, "/style.css", "/icon.svg")
	for path, h := range c.Extras {
		r.Mount(path, h)
	}
	return r, nil
}
