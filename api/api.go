package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"countersign/locale"
	"countersign/user"
)

// What an error of Commands.Send means for who asked.
var (
	ErrUnavailable    = errors.New("unavailable, nothing was done")          // repeat later
	ErrOutcomeUnknown = errors.New("outcome unknown, it may have been done") // repeat with the same key
	ErrOverloaded     = errors.New("too much in flight, nothing was done")   // repeat in a moment
)

// Commands takes what is asked.
type Commands interface {
	// Send returns nil as soon as the command is safe. Its errors wrap
	// ErrUnavailable, ErrOverloaded or ErrOutcomeUnknown; any other counts as
	// the last. Sending a command again has no second effect.
	Send(ctx context.Context, c user.Command) error
}

// Users is the table of users, as a view shows it.
type Users interface {
	// Get returns the state of a normalised address, and whether there is one.
	Get(email string) (state user.State, found bool, err error)
	// Await returns the state as soon as it holds the command's outcome, at
	// once if it does already. It ends with ctx.
	Await(ctx context.Context, email, verificationID, commandID string) (user.State, user.Outcome, error)
	// Locate is Get with the place in its table at which the state was written.
	Locate(email string) (state user.State, partition int32, offset int64, found bool, err error)
}

// Mails is what became of mails.
type Mails interface {
	// Of returns the mails to a normalised address, newest first.
	Of(email string) ([]Mail, error)
}

// Config is what the public listener is made of.
type Config struct {
	Commands Commands
	Users    Users
	Mails    Mails

	Secrets         user.Secrets          // the first one signs
	Policy          user.Policy           // within user.MaxPolicy. Defaults to user.DefaultPolicy
	PublicAddresses bool                  // refuse addresses that no real relay could deliver to
	PublicURL       string                // where people reach this listener, for the API's description. Defaults to none
	Pages           fs.FS                 // what people see: web/public
	RateLimit       int                   // commands a minute that one client may send; negative: nothing is limited here, mails to a domain neither. Defaults to 60
	DomainMails     int                   // that may be asked for in an hour to one domain. Defaults to 10,000
	Pace            time.Duration         // the step after which register, resend and dispute are answered. Defaults to none: at once
	MaxInFlight     int                   // requests that send something at the same time. Defaults to 4096
	TrustedProxies  []netip.Prefix        // whose X-Forwarded-For is read. Defaults to none: the peer is the client
	CORSOrigins     []string              // sites whose pages may use the API. Defaults to none
	Log             logrus.FieldLogger    // never gets a code, a token, a handle or, unless LogAddresses, an address
	LogAddresses    bool                  // log addresses as they are. Defaults to short keyed hashes
	Registry        prometheus.Registerer // Defaults to none: nothing is measured
}

type public struct {
	Config
	words           *locale.Catalogue // what the pages say
	commands, reads *limit            // nil: none
	mails           []mailLimit
	inFlight        chan struct{}
}

// Public is the public listener's handler: the pages, the API and its description.
type Public struct {
	http.Handler
	calls *public
}

// NewPublic returns the public listener's handler. Errors name what is missing
// from the configuration.
func NewPublic(c Config) (*Public, error) {
	switch {
	case c.Commands == nil || c.Users == nil || c.Mails == nil || c.Pages == nil || c.Log == nil:
		return nil, errors.New("public listener: Commands, Users, Mails, Pages and Log are needed")
	case len(c.Secrets) == 0:
		return nil, errors.New("public listener: a secret is needed")
	}
	if c.Policy == (user.Policy{}) {
		c.Policy = user.DefaultPolicy()
	}
	words, err := locale.Read(c.Pages, "languages")
	if err != nil {
		return nil, fmt.Errorf("public listener: languages: %w", err)
	}
	c.RateLimit = cmp.Or(c.RateLimit, defaultRateLimit)
	p := &public{Config: c, words: words, inFlight: make(chan struct{}, cmp.Or(c.MaxInFlight, 4096))}
	if c.RateLimit > 0 {
		p.commands = newLimit("commands", c.RateLimit, perClient)
		p.reads = newLimit("reads", c.RateLimit*readsPerCommand, perClient)
		withheld, err := newWithheld(c.Registry)
		if err != nil {
			return nil, fmt.Errorf("public listener: %w", err)
		}
		p.mails = newMailLimits(cmp.Or(c.DomainMails, 10_000), withheld)
	}
	r := chi.NewMux()
	r.Use(seen(c.TrustedProxies, p.clientInLog), acceptLanguage)
	if err := everywhere(r, "public", c.Log, c.Registry); err != nil {
		return nil, fmt.Errorf("public listener: %w", err)
	}

	https := strings.HasPrefix(c.PublicURL, "https://")
	if https {
		r.Use(answeringWith(onlyHTTPS()))
	}
	r.Use(p.crossOrigin, p.paced)
	d := newDescription(r.With(p.unlessFull(asProblem), p.bounded(asProblem)), "Countersign",
		"Confirms that a person owns an e-mail address: register, then verify with the code that was mailed. Evidence is only the 200 of verify.")
	d.publicAddresses, d.limited = c.PublicAddresses, c.RateLimit > 0
	if https {
		d.everyAnswerHas(onlyHTTPS())
	}
	if c.PublicURL != "" {
		d.OpenAPI().Servers = []*huma.Server{{URL: c.PublicURL}}
	}
	p.addCalls(d)
	post(d, huma.Operation{
		OperationID: "dispute", Path: "/api/dispute", DefaultStatus: http.StatusAccepted,
		Summary:     "Say \"I did not ask for this\"",
		Description: "Ends the verification and stops mail to the address for a day. An account that is verified stays as it is.",
	}, []string{verificationIDInvalid, tokenMalformed}, p.dispute)
	get(d, huma.Operation{
		OperationID: "status", Path: "/api/verifications/{verification_id}",
		Summary:     "Show a verification",
		Description: "For display only; it is no evidence.",
	}, []string{verificationIDInvalid, rateLimited, unavailable}, p.status)

	const id = "$response.body#/verification_id"
	d.link("register", "status", &huma.Link{Parameters: map[string]any{"verification_id": id}, Description: "Show it."})
	for _, next := range []string{"verify", "resend"} {
		d.link("register", next, &huma.Link{RequestBody: map[string]any{"verification_id": id}, Description: "The id is the body's."})
	}
	if err := d.serve(r, c.Pages); err != nil {
		return nil, fmt.Errorf("public listener: %w", err)
	}
	if err := p.servePages(r); err != nil {
		return nil, fmt.Errorf("public listener: %w", err)
	}
	return &Public{r, p}, nil
}

// addCalls adds those that people ask by themselves, and a team's own backend for them.
func (p *public) addCalls(d *description) {
	post(d, huma.Operation{
		OperationID: "register", Path: "/api/register", DefaultStatus: http.StatusAccepted,
		Summary:     "Ask for a code by mail",
		Description: "Opens a verification of its own. The answer is the same whatever is known of the address.",
	}, []string{emailInvalid, emailUnsupported, firstNameInvalid, lastNameInvalid, localeInvalid}, p.register)
	post(d, huma.Operation{
		OperationID: "verify", Path: "/api/verify",
		Summary:     "Prove the address with the code, or with the link's token",
		Description: "The 200 is the evidence: it goes to the one request that proved it, and to its repeats with the same Idempotency-Key.",
	}, []string{verificationIDInvalid, codeMalformed, tokenMalformed, codeInvalid, codeExpired, tooManyAttempts}, p.verify)
	post(d, huma.Operation{
		OperationID: "resend", Path: "/api/resend", DefaultStatus: http.StatusAccepted,
		Summary:     "Ask for the mail again",
		Description: "Mails the same code, or a new one when its time is nearly over. Wrong codes stay counted.",
	}, []string{verificationIDInvalid}, p.resend)
}
