package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Rules:
//   - every attempt of a call with a body has the same Idempotency-Key (one of the call's own, or the context's); the others
//     are harmless to repeat;
//   - what may pass is tried again: no answer, 503, and 429 that says when to come again. Nothing else is;
//   - a server that says when to come again is taken at its word; a call that could not wait so long ends at once;
//   - a redirect is not followed: it would carry a code to another place;
//   - an answer has a bound.

const (
	firstPause = 100 * time.Millisecond
	maxAnswer  = 4 << 20 // bytes
)

// Config of a Client. PublicURL or InternalURL must be set.
type Config struct {
	// PublicURL is where the public listener is reached, like https://verify.example.com. Defaults to none: only what asks
	// the internal one is possible.
	PublicURL string
	// InternalURL is where an api's internal listener is reached. Defaults to none: no Lookup, no OnBehalf, and nothing
	// about mails.
	InternalURL string
	// Token is for the internal listener: INTERNAL_TOKEN to read, OPERATOR_TOKEN to read, to change and for OnBehalf. Defaults
	// to none.
	Token string
	// AttemptTimeout bounds one attempt. Defaults to 10 s, beyond the longest wait of the server.
	AttemptTimeout time.Duration
	// Patience bounds a call with all its attempts, as the context's deadline does. Defaults to 30 s.
	Patience time.Duration
	// Transport makes the requests. Defaults to http.DefaultTransport.
	Transport http.RoundTripper
}

// Client asks Countersign. It may be used by any number of goroutines.
type Client struct {
	cfg     Config
	http    *http.Client
	visitor netip.Addr // not valid: none
}

// New returns a Client. It fails when no URL is given, or one that is none.
func New(c Config) (*Client, error) {
	if c.PublicURL == "" && c.InternalURL == "" {
		return nil, errors.New("client: PublicURL or InternalURL is needed")
	}
	for _, base := range []struct {
		name string
		url  *string
	}{{"PublicURL", &c.PublicURL}, {"InternalURL", &c.InternalURL}} {
		u, err := url.Parse(*base.url)
		if *base.url != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil) {
			return nil, fmt.Errorf("client: %s must be like https://verify.example.com", base.name)
		}
		*base.url = strings.TrimSuffix(*base.url, "/")
	}
	c.AttemptTimeout = cmp.Or(c.AttemptTimeout, 10*time.Second)
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	return &Client{cfg: c, http: &http.Client{
		Transport: c.Transport, Timeout: c.AttemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// OnBehalf returns a Client that registers, verifies and resends for a visitor of the caller's: at the internal listener, so
// that the limits count the visitor, and not all of them as one.
func (c *Client) OnBehalf(visitor netip.Addr) *Client {
	of := *c
	of.visitor = visitor
	return &of
}

var errBase = errors.New("client: the URL of this call's listener is not set")

// keyKey finds the key of WithKey in a context.
type keyKey struct{}

// WithKey returns a context whose POST has this Idempotency-Key, of 16 to 255 visible characters: to repeat within a day
// what ended with ErrOutcomeUnknown, whose Error has the key. It is for one call only.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyKey{}, key)
}

// call is one that is tried until its outcome is certain.
type call struct {
	method, url string
	token       string
	key         string // of a POST with a body
	body        []byte

	sent bool // an attempt may have had its effect
}

// post calls a listener with a body, an object that is not empty.
func (c *Client) post(ctx context.Context, path string, body, answer any) error {
	base, token := c.cfg.PublicURL, ""
	text, err := json.Marshal(body)
	if c.visitor.IsValid() {
		base, token = c.cfg.InternalURL, c.cfg.Token
		text = append(fmt.Appendf(nil, `{"client_ip":%q,`, c.visitor), text[1:]...)
	}
	if err != nil || base == "" {
		return cmp.Or(err, errBase)
	}
	key, given := ctx.Value(keyKey{}).(string)
	if !given {
		key = rand.Text()
	}
	return c.try(ctx, &call{method: http.MethodPost, url: base + path, token: token, key: key, body: text}, answer)
}

// inside calls the internal listener without a body.
func (c *Client) inside(ctx context.Context, method, path string, answer any) error {
	return c.ask(ctx, &call{method: method, url: c.cfg.InternalURL + path, token: c.cfg.Token}, answer)
}

// ask calls a listener without a body.
func (c *Client) ask(ctx context.Context, what *call, answer any) error {
	if strings.HasPrefix(what.url, "/") {
		return errBase
	}
	return c.try(ctx, what, answer)
}

// try makes attempts until one is answered for good, or it is too late.
func (c *Client) try(ctx context.Context, what *call, answer any) error {
	patience := c.cfg.Patience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline))
	}
	var last error
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = firstPause
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		var wait error
		last, wait = c.attempt(ctx, what, answer)
		return struct{}{}, wait
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(max(patience, 1)))
	if err == nil {
		return nil
	}
	if what.sent && !errors.Is(last, ErrOutcomeUnknown) && errors.Is(last, ErrUnavailable) {
		last = fmt.Errorf("%w: %w", ErrOutcomeUnknown, last)
	}
	if ctx.Err() != nil {
		last = fmt.Errorf("%w: %w", last, context.Cause(ctx))
	}
	return fmt.Errorf("client: %w", last)
}

// attempt makes one. It returns what it came to, and how the call goes on: nil, it is done; a backoff.PermanentError, it
// failed for good; else it is tried again.
func (c *Client) attempt(ctx context.Context, what *call, answer any) (result, next error) {
	r, err := http.NewRequestWithContext(ctx, what.method, what.url, bytes.NewReader(what.body))
	if err != nil {
		return err, backoff.Permanent(err)
	}
	if what.body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", what.key)
	}
	if what.token != "" {
		r.Header.Set("Authorization", "Bearer "+what.token)
	}
	response, err := c.http.Do(r)
	if err != nil {
		err = what.lost(withoutURL(err))
		return err, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		err = what.lost(fmt.Errorf("read the answer: %w", err))
		return err, err
	}
	if len(text) > maxAnswer {
		err = fmt.Errorf("it has more than %d bytes", maxAnswer)
	} else if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusAccepted {
		if err = json.Unmarshal(text, answer); err == nil {
			return nil, nil
		}
	}
	refused := newError(response, text, what.key, err)
	what.sent = what.sent || errors.Is(refused, ErrOutcomeUnknown)
	switch {
	case !refused.passes():
		return refused, backoff.Permanent(refused)
	case refused.RetryAfter > 0:
		return refused, &backoff.RetryAfterError{Duration: refused.RetryAfter}
	}
	return refused, refused
}

// lost is the error of an attempt without an answer.
func (w *call) lost(err error) error {
	if dial := (*net.OpError)(nil); w.method == http.MethodGet || errors.As(err, &dial) && dial.Op == "dial" {
		return &Error{kind: ErrUnavailable, Key: w.key, cause: err}
	}
	w.sent = true
	return &Error{kind: ErrOutcomeUnknown, Key: w.key, cause: err}
}

// withoutURL is the error of a request, whose own text would name an address or a handle.
func withoutURL(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}
