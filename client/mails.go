package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Rules:
//   - mails are what operators ask about: at the internal listener, with OPERATOR_TOKEN to change something;
//   - what is asked of a mail is safe when the call returns, and done by a notifier: Mail shows what became of it. Asking
//     again has no second effect.

// Mail is what became of a mail.
type Mail struct {
	ID             string       `json:"id"`
	Email          string       `json:"email"`
	Kind           string       `json:"kind"`  // verify_account, account_verified or already_registered
	State          string       `json:"state"` // queued, retrying, uncertain, sent, failed, expired, superseded or cancelled
	VerificationID string       `json:"verification_id"`
	Attempts       int          `json:"attempts"`
	QueuedAt       time.Time    `json:"queued_at"`
	UpdatedAt      time.Time    `json:"updated_at"`
	NotBefore      time.Time    `json:"not_before"` // of the next attempt
	Deadline       time.Time    `json:"deadline"`   // the last moment at which an attempt may begin
	Stage          string       `json:"stage"`      // of the conversation with the relay at which the last attempt ended
	Reply          string       `json:"reply"`      // the relay's words
	MessageID      string       `json:"message_id"`
	Suppressed     *Suppression `json:"suppressed"` // nil while mails to the address are sent, and in Mails
}

// Suppression is why nothing is sent to an address.
type Suppression struct {
	At    time.Time `json:"suppressed_at"`
	Reply string    `json:"reply"` // the words with which the relay refused the address for good
}

// MailFilter says which mails are meant. The zero filter means all.
type MailFilter struct {
	Status string // its State
	Kind   string
}

// Mails iterates over the mails of the last seven days, the newest first, asking page after page. An error ends it.
func (c *Client) Mails(ctx context.Context, f MailFilter) iter.Seq2[Mail, error] {
	return func(yield func(Mail, error) bool) {
		query := url.Values{"status": {f.Status}, "kind": {f.Kind}}
		for {
			var page struct {
				Mails []Mail
				Next  string
			}
			if err := c.inside(ctx, http.MethodGet, "/mails?"+query.Encode(), &page); err != nil {
				yield(Mail{}, err)
				return
			}
			for _, m := range page.Mails {
				if !yield(m, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("after", page.Next)
		}
	}
}

// Mail shows a mail. It fails with ErrNotFound where there is none.
func (c *Client) Mail(ctx context.Context, id string) (*Mail, error) {
	return c.aboutMail(ctx, http.MethodGet, id, "")
}

// RetryMail has a mail sent after all that was given up, and returns it as it was. It fails with ErrRefused where that is not
// possible any more: its time ran out, a later one of its verification came, its address is suppressed, or it is sent.
func (c *Client) RetryMail(ctx context.Context, id string) (*Mail, error) {
	return c.aboutMail(ctx, http.MethodPost, id, "/retry")
}

// CancelMail calls off a mail that waits, and returns it as it was. It fails with ErrRefused where it does not wait any more.
func (c *Client) CancelMail(ctx context.Context, id string) (*Mail, error) {
	return c.aboutMail(ctx, http.MethodPost, id, "/cancel")
}

func (c *Client) aboutMail(ctx context.Context, method, id, what string) (*Mail, error) {
	path := "/mails/" + url.PathEscape(id) + what
	return done(func(a *Mail) error { return c.inside(ctx, method, path, a) })
}

// Suppression says since when and why nothing is sent to an address. It fails with ErrNotFound where mails to it are sent.
func (c *Client) Suppression(ctx context.Context, email string) (*Suppression, error) {
	return c.aboutSuppression(ctx, http.MethodGet, email)
}

// Unsuppress has mails sent to an address again, and returns why they were not. Those that were given up need a RetryMail
// each. It fails with ErrNotFound where mails to it are sent.
func (c *Client) Unsuppress(ctx context.Context, email string) (*Suppression, error) {
	return c.aboutSuppression(ctx, http.MethodDelete, email)
}

func (c *Client) aboutSuppression(ctx context.Context, method, email string) (*Suppression, error) {
	path := "/suppressions/" + url.PathEscape(email)
	return done(func(a *Suppression) error { return c.inside(ctx, method, path, a) })
}
