package api

import (
	"context"
	"crypto/rand"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/user"
)

// Rules:
//   - mails are listed newest first, by when they were queued, which never changes: what comes and goes meanwhile moves no
//     mail to another page. A page looks at 10,000 at most, as one of users does. One that is
//     to begin behind a mail that is not there is refused: an empty one would say that there are no more;
//   - what was mailed before its address was erased is not listed, and not found;
//   - a retry and a cancellation are answered when Kafka has them, with the mail as it was: the outbox decides what becomes
//     of it. What its state makes senseless is refused. Repeating one has no second effect.

// Mail is what became of one mail.
type Mail struct {
	ID             string    `json:"id"`
	Email          string    `json:"email"`
	Kind           string    `json:"kind" enum:"verify_account,account_verified,already_registered"`
	State          string    `json:"state" enum:"queued,retrying,uncertain,sent,failed,expired,superseded,cancelled"`
	VerificationID string    `json:"verification_id,omitempty"`
	Attempts       int       `json:"attempts"`
	QueuedAt       time.Time `json:"queued_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	NotBefore      time.Time `json:"not_before,omitzero" doc:"Of the next attempt."`
	Deadline       time.Time `json:"deadline,omitzero" doc:"The last moment at which an attempt may begin."`
	Stage          string    `json:"stage,omitempty" doc:"Of the conversation with the relay at which the last attempt ended."`
	Reply          string    `json:"reply,omitempty" doc:"The relay's words."`
	MessageID      string    `json:"message_id,omitempty"`
}

// Waits says whether an attempt is still to come.
func (m Mail) Waits() bool {
	return m.State == "queued" || m.State == "retrying" || m.State == "uncertain" && !m.NotBefore.IsZero()
}

// MailTable is what became of all mails, as a view shows it to those inside.
type MailTable interface {
	Mails
	// Get returns a mail by its id, and whether there is one.
	Get(id string) (m Mail, found bool, err error)
	// List iterates over all mails, newest first, those behind the one with the id after, if that is not empty. An error ends it.
	List(after string) iter.Seq2[Mail, error]
}

// MailCommands takes what operators ask of the notifier.
type MailCommands interface {
	// Order returns nil as soon as the command is safe. Its errors are as those of Commands.Send.
	Order(ctx context.Context, c MailCommand) error
}

// What a MailCommand asks for.
const (
	MailRetry      = "retry"
	MailCancel     = "cancel"
	MailUnsuppress = "unsuppress"
)

// MailCommand is what an operator asks about a mail, or about an address and all mails to it.
type MailCommand struct {
	ID, Type, Email string
	MailID          string // empty: of the address
	At              time.Time
}

// mails answers what is asked about mails.
type mails struct{ InternalConfig }

func addMails(d *description, c InternalConfig) {
	m := &mails{c}
	get(d, huma.Operation{
		OperationID: "mails", Path: "/mails", Summary: "List mails, the newest first",
	}, []string{parameterInvalid, unavailable}, m.list)
	codes := []string{mailNotFound, unavailable}
	get(d, huma.Operation{
		OperationID: "mail", Path: "/mails/{id}", Summary: "Show what became of a mail",
	}, codes, m.show)
	codes = append(codes, outcomeUnknown, overloaded)
	bodiless(d, huma.Operation{
		Method: http.MethodPost, OperationID: "mail-retry", Path: "/mails/{id}/retry", DefaultStatus: http.StatusAccepted,
		Summary: "Send a mail that was given up after all", Description: "One that waits is left to its time.",
	}, append(codes, mailRetryRefused), m.retry)
	bodiless(d, huma.Operation{
		Method: http.MethodPost, OperationID: "mail-cancel", Path: "/mails/{id}/cancel", DefaultStatus: http.StatusAccepted,
		Summary: "Call off a mail that waits", Description: "One that is under way may still be sent.",
	}, append(codes, mailCancelRefused), m.cancel)
}

type mailsRequest struct {
	Status string   `query:"status" enum:"queued,retrying,uncertain,sent,failed,expired,superseded,cancelled" doc:"Only in this state." example:"failed"`
	Kind   string   `query:"kind" enum:"verify_account,account_verified,already_registered" doc:"Only of this kind."`
	After  string   `query:"after" format:"uuid" doc:"Only mails behind this one: next of the page before."`
	Limit  pageSize `query:"limit" doc:"At most so many."`
}

func (r *mailsRequest) wants(m Mail) bool {
	return (r.Status == "" || r.Status == m.State) && (r.Kind == "" || r.Kind == m.Kind)
}

type mailList struct {
	Mails []Mail `json:"mails" doc:"The newest first, of the last seven days."`
	Next  string `json:"next,omitempty" doc:"Ask again with after=next: there may be more."`
}

func (m *mails) list(_ context.Context, r *mailsRequest) (*mailList, error) {
	limit, wrong := r.Limit.number()
	if problem := badFields(append(wrong, unlisted(r)...)...); problem != nil {
		return nil, problem
	}
	if r.After != "" {
		if _, found, err := m.Mails.Get(r.After); err != nil {
			return nil, unanswered(m.Log, "list mails", err)
		} else if !found {
			return nil, badFields(FieldError{"after", parameterInvalid, "must be the id of a mail of the last seven days"})
		}
	}
	a := &mailList{Mails: []Mail{}}
	next, err := scan(m.Mails.List(r.After), func(m Mail) string { return m.ID }, func(mail Mail) (full bool, err error) {
		shown := r.wants(mail)
		if shown {
			shown, err = m.shows(mail)
		}
		if shown {
			a.Mails = append(a.Mails, mail)
		}
		return len(a.Mails) == limit, err
	})
	if err != nil {
		return nil, unanswered(m.Log, "list mails", err)
	}
	a.Next = next
	return a, nil
}

// shows says whether a mail is of somebody who is not erased.
func (m *mails) shows(mail Mail) (bool, error) {
	state, _, err := m.Users.Get(mail.Email)
	return state.Status != user.StatusDeleted && mail.since(state.ErasedAt), err
}

// since says whether a mail is not from before an erasure.
func (m Mail) since(erased time.Time) bool { return !m.QueuedAt.Before(erased) }

type mailRequest struct {
	ID string `path:"id" format:"uuid" doc:"As the list shows it."`
}

// MailShown is all that is known of a mail. It is exported for huma, which passes over what is not.
type MailShown struct {
	Mail
	Suppressed *Suppression `json:"suppressed,omitempty" doc:"Since when and why nothing is sent to the address, absent if it is."`
}

func (m *mails) show(_ context.Context, r *mailRequest) (*MailShown, error) {
	mail, found, err := m.Mails.Get(r.ID)
	if err == nil && found {
		found, err = m.shows(mail)
	}
	if err != nil {
		return nil, unanswered(m.Log, "read mails", err)
	}
	if !found {
		return nil, newProblem(mailNotFound, "")
	}
	a := &MailShown{Mail: mail}
	a.Suppressed, err = m.suppression(mail.Email)
	return a, err
}

func (m *mails) retry(ctx context.Context, r *mailRequest) (*MailShown, error) {
	a, err := m.show(ctx, r)
	if err != nil {
		return nil, err
	}
	all, err := m.Mails.Of(a.Email)
	if err != nil {
		return nil, unanswered(m.Log, "read mails", err)
	}
	if why := a.unretriable(all, time.Now()); why != "" {
		return nil, newProblem(mailRetryRefused, why)
	}
	return a, m.order(ctx, MailCommand{Type: MailRetry, Email: a.Email, MailID: a.ID})
}

// unretriable says why a retry makes no sense, if it does not, beside the address's other mails.
func (a *MailShown) unretriable(newestFirst []Mail, now time.Time) string {
	own := slices.IndexFunc(newestFirst, func(m Mail) bool { return m.ID == a.ID })
	overtaken := slices.ContainsFunc(newestFirst[:max(own, 0)], func(m Mail) bool {
		return m.VerificationID != "" && m.VerificationID == a.VerificationID && m.overtakes()
	})
	switch {
	case a.State == "sent" || a.State == "expired" || a.State == "superseded":
		return "it is " + a.State
	case overtaken:
		return "a later mail of its verification came"
	case !a.Deadline.After(now):
		return "its time ran out at " + a.Deadline.UTC().Format(time.RFC3339)
	case a.Suppressed != nil:
		return "its address is suppressed, and must be taken off that list first (mail unsuppress)"
	}
	return ""
}

// overtakes says whether a mail that came behind another of its verification is sure to be a later one. An older one that came
// late is superseded or expired. So may a later one be; but then what superseded it is here, too, and the other has expired.
func (m Mail) overtakes() bool { return m.State != "superseded" && m.State != "expired" }

func (m *mails) cancel(ctx context.Context, r *mailRequest) (*MailShown, error) {
	a, err := m.show(ctx, r)
	if err != nil {
		return nil, err
	}
	if a.Waits() || a.State == "cancelled" {
		return a, m.order(ctx, MailCommand{Type: MailCancel, Email: a.Email, MailID: a.ID})
	}
	return nil, newProblem(mailCancelRefused, "it is "+a.State)
}

// order hands a command over and logs it.
func (m *mails) order(ctx context.Context, c MailCommand) error {
	c.ID, c.At = rand.Text(), time.Now().UTC()
	log := m.Log.WithField("mail_command", c.Type).WithField("command_id", c.ID)
	if c.MailID != "" {
		log = log.WithField("mail_id", c.MailID)
	}
	ctx, cancel := context.WithTimeout(ctx, acknowledgeWithin)
	defer cancel()
	if err := m.MailCommands.Order(ctx, c); err != nil {
		log.WithError(err).Warn("call not answered")
		return notDone(err, "repeat it: it has no second effect")
	}
	log.Info("mail command accepted")
	return nil
}
