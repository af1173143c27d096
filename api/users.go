package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/sirupsen/logrus"

	"countersign/user"
)

// Rules:
//   - the answer is a type of its own: what is not named here does not leave, above all no nonce and no digest;
//   - an erased address is one of which nothing is known, mails included;
//   - the address is normalised first, so any spelling finds the account.

type userRequest struct {
	Email string `path:"email" format:"email" doc:"The address, in any spelling." example:"ada@example.com"`
}

// account is what is known of one address.
type account struct {
	Summary
	Counters      counters       `json:"counters"`
	Verifications []verification `json:"verifications" doc:"Oldest first."`
	Unmatched     []user.Outcome `json:"unmatched,omitempty" doc:"What came of commands for verifications that are gone."`
	Mails         []Mail         `json:"mails" doc:"Newest first, of the last seven days."`
	Suppressed    *Suppression   `json:"suppressed,omitempty" doc:"Since when and why nothing is sent to the address, absent if it is."`
	Partition     int32          `json:"partition"`
	Offset        int64          `json:"offset" doc:"Of the state's last record in its table."`
}

type counters struct {
	Failures         int       `json:"failures" doc:"Wrong codes in a row, over all verifications."`
	LockedUntil      time.Time `json:"locked_until,omitzero" doc:"No code is taken or mailed before, only links."`
	MailsLastHour    int       `json:"mails_last_hour" doc:"Mail slots given out."`
	MailsLastDay     int       `json:"mails_last_day"`
	MailStoppedUntil time.Time `json:"mail_stopped_until,omitzero" doc:"No mail leaves before: one was disputed."`
}

type verification struct {
	ID        string                  `json:"id"`
	Status    user.VerificationStatus `json:"status" enum:"open,verified,closed"`
	FirstName string                  `json:"first_name"`
	LastName  string                  `json:"last_name,omitempty"`
	Locale    string                  `json:"locale,omitempty"`
	SecretID  string                  `json:"secret_id"`
	OpenedAt  time.Time               `json:"opened_at"`
	ExpiresAt time.Time               `json:"expires_at" doc:"Of the code."`
	HasCode   bool                    `json:"has_code" doc:"Without one it can never match: it was over a limit, or the address was verified."`
	Failures  int                     `json:"failures"`
	Outcomes  []user.Outcome          `json:"outcomes" doc:"The last ones, oldest first."`
}

// Table is the table of users, as a view shows it to those inside.
type Table interface {
	Users
	// List iterates over the states of the addresses that begin with prefix and stand behind after, in the order of the
	// addresses. An error ends it.
	List(prefix, after string) iter.Seq2[user.State, error]
	// Watch returns a channel that gets the address of each row that changes from now on, until done is called. It is
	// closed for who takes them too slowly.
	Watch() (changed <-chan string, done func())
}

// users answers what is asked about an address.
type users struct{ InternalConfig }

func addUsers(d *description, c InternalConfig) {
	u := &users{c}
	get(d, huma.Operation{
		OperationID: "users", Path: "/users", Summary: "List accounts by their addresses",
	}, []string{parameterInvalid, unavailable}, u.list)
	codes := []string{emailInvalid, emailUnsupported, userNotFound, unavailable}
	get(d, huma.Operation{
		OperationID: "user", Path: "/users/{email}", Summary: "Show what is known of an address",
	}, codes, u.show)
	bodiless(d, huma.Operation{
		Method: http.MethodDelete, OperationID: "erase", Path: "/users/{email}", Summary: "Erase what is known of an address",
	}, append(codes, outcomeUnknown, overloaded), u.erase)
	streamed(d, huma.Operation{
		OperationID: "history", Path: "/users/{email}/history", Summary: "Show what happened to an account",
		Description: "From the topics: a line for each command, event, mail and dead letter, oldest first, and one that says whether that was all.",
	}, append(codes, parameterInvalid), answering("Lines of JSON.", "application/x-ndjson", &huma.Schema{Type: huma.TypeString}), u.history)
	streamed(d, huma.Operation{
		OperationID: "watch", Path: "/stream", Summary: "Watch accounts as they change",
		Description: "Server-sent events: user, with an account as the list shows it; removed, with an email; cut, before a reader that is too slow is cut off.",
	}, []string{unavailable}, answering("Events, until one side ends it.", "text/event-stream", &huma.Schema{Type: huma.TypeString}), u.watch)
}

func (u *users) show(_ context.Context, r *userRequest) (*account, error) {
	state, partition, offset, err := u.find(r)
	if err != nil {
		return nil, err
	}
	mails, err := u.Mails.Of(state.Email)
	if err != nil {
		return nil, unanswered(u.Log, "read mails", err)
	}
	a := newAccount(state, time.Now())
	a.Partition, a.Offset = partition, offset
	if a.Suppressed, err = u.suppression(state.Email); err != nil {
		return nil, err
	}
	for _, m := range mails {
		if m.since(state.ErasedAt) {
			a.Mails = append(a.Mails, m)
		}
	}
	return a, nil
}

// unanswered logs why a call cannot be answered, and says only what could not be done.
func unanswered(log logrus.FieldLogger, doing string, err error) *Problem {
	log.WithField("doing", doing).WithError(err).Warn("call not answered")
	return newProblem(unavailable, fmt.Sprintf("%s: not possible at the moment", doing))
}

// find returns the state of an address, and where it was written. What was erased is not there.
func (u *users) find(r *userRequest) (state user.State, partition int32, offset int64, err error) {
	email, err := user.NormalizeAddress(r.Email, u.PublicAddresses)
	if err != nil {
		return state, 0, 0, badFields(badAddress(err))
	}
	state, partition, offset, found, err := u.Users.Locate(email)
	if err != nil {
		return state, 0, 0, unanswered(u.Log, "read users", err)
	}
	if !found || state.Status == user.StatusDeleted {
		return state, 0, 0, newProblem(userNotFound, "")
	}
	return state, partition, offset, nil
}

func newAccount(s user.State, now time.Time) *account {
	a := &account{
		Summary: newSummary(s),
		Counters: counters{
			Failures: s.Failures, LockedUntil: s.LockedUntil, MailStoppedUntil: s.MailStoppedUntil,
			MailsLastHour: since(s.MailSlots, now.Add(-time.Hour)), MailsLastDay: since(s.MailSlots, now.AddDate(0, 0, -1)),
		},
		Verifications: []verification{}, Unmatched: s.Unmatched, Mails: []Mail{},
	}
	for _, v := range s.Verifications {
		a.Verifications = append(a.Verifications, verification{
			ID: v.ID, Status: v.Status, FirstName: v.FirstName, LastName: v.LastName, Locale: v.Locale, SecretID: v.SecretID,
			OpenedAt: v.OpenedAt, ExpiresAt: v.ExpiresAt, HasCode: len(v.AnswerDigest) > 0, Failures: v.Failures, Outcomes: v.Outcomes,
		})
	}
	return a
}

func since(slots []user.MailSlot, from time.Time) int {
	n := 0
	for _, s := range slots {
		if s.At.After(from) {
			n++
		}
	}
	return n
}
