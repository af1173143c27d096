package client

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Registration is who wants to confirm an address. Email and FirstName must be set.
type Registration struct {
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name,omitempty"`
	Locale    string `json:"locale,omitempty"` // a BCP 47 tag, for the mails
}

// Registered answers Register and Resend. It is the same whatever is known of the address.
type Registered struct {
	VerificationID string `json:"verification_id"` // what the other calls ask for
	ExpiresIn      int    `json:"expires_in"`      // seconds in which the code is valid
	ResendIn       int    `json:"resend_in"`       // seconds after which Resend makes sense
	Reference      string `json:"reference"`       // three characters that stand in the mail, too
}

// Verified is the evidence that somebody reads the mail of an address.
type Verified struct {
	Status     string    `json:"status"` // verified
	UserID     string    `json:"user_id"`
	Email      string    `json:"email"` // in its one spelling
	VerifiedAt time.Time `json:"verified_at"`
}

// Status is a verification for display. It is no evidence.
type Status struct {
	Status            string `json:"status"` // pending, verified or expired
	Email             string `json:"email"`
	FirstName         string `json:"first_name"`
	ExpiresIn         int    `json:"expires_in"` // seconds
	AttemptsRemaining int    `json:"attempts_remaining"`
	Mail              string `json:"mail"` // accepted or undeliverable
	Reference         string `json:"reference"`
}

// Disputed answers Dispute.
type Disputed struct {
	Reference string `json:"reference"`
}

// Account is what is known of an address.
type Account struct {
	Email      string    `json:"email"`
	UserID     string    `json:"user_id"`
	Status     string    `json:"status"` // pending, verified; empty while no mail was ever sent
	FirstName  string    `json:"first_name"`
	LastName   string    `json:"last_name"`
	Locale     string    `json:"locale"`
	Version    int64     `json:"version"` // grows by one with each change
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	VerifiedAt time.Time `json:"verified_at"`
}

// Register asks for a code by mail.
func (c *Client) Register(ctx context.Context, r Registration) (*Registered, error) {
	return done(func(a *Registered) error { return c.post(ctx, "/api/register", r, a) })
}

// Verify proves the address with the code of the mail. A wrong one fails with ErrCodeInvalid. Once it is proven, a further
// call fails with ErrCodeExpired, unless it has the key of the one that proved it (WithKey).
func (c *Client) Verify(ctx context.Context, verificationID, code string) (*Verified, error) {
	body := map[string]string{"verification_id": verificationID, "code": code}
	return done(func(a *Verified) error { return c.post(ctx, "/api/verify", body, a) })
}

// VerifyLink is Verify with the token of the mail's link.
func (c *Client) VerifyLink(ctx context.Context, verificationID, token string) (*Verified, error) {
	body := map[string]string{"verification_id": verificationID, "token": token}
	return done(func(a *Verified) error { return c.post(ctx, "/api/verify", body, a) })
}

// Resend asks for the mail again. Over the limits none is sent, and the answer is the same.
func (c *Client) Resend(ctx context.Context, verificationID string) (*Registered, error) {
	body := map[string]string{"verification_id": verificationID}
	return done(func(a *Registered) error { return c.post(ctx, "/api/resend", body, a) })
}

// Dispute says, with the token of the mail's other link, that its reader did not ask for it. The answer is the same whatever
// the verification is by now. The public listener is asked, for a visitor as well.
func (c *Client) Dispute(ctx context.Context, verificationID, token string) (*Disputed, error) {
	body := map[string]string{"verification_id": verificationID, "token": token}
	return done(func(a *Disputed) error { return c.OnBehalf(netip.Addr{}).post(ctx, "/api/dispute", body, a) })
}

// Status shows a verification.
func (c *Client) Status(ctx context.Context, verificationID string) (*Status, error) {
	path := "/api/verifications/" + url.PathEscape(verificationID)
	return done(func(a *Status) error {
		return c.ask(ctx, &call{method: http.MethodGet, url: c.cfg.PublicURL + path}, a)
	})
}

// Lookup asks the internal listener for an account, by any spelling of its address. It fails with ErrNotFound where there
// is none.
func (c *Client) Lookup(ctx context.Context, email string) (*Account, error) {
	path := "/users/" + url.PathEscape(email)
	return done(func(a *Account) error { return c.inside(ctx, http.MethodGet, path, a) })
}

// done returns the answer of a call, nil if it failed.
func done[Answer any](ask func(*Answer) error) (*Answer, error) {
	a := new(Answer)
	if err := ask(a); err != nil {
		return nil, err
	}
	return a, nil
}
