package api

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/user"
)

// Rules:
//   - a line of JSON for each record about the address, oldest first, as they are found; the last line says whether that
//     was all, and if not, up to when nothing is missing: since=until goes on;
//   - it takes 5 s at most. What came of a command is told as far as the account's state remembers;
//   - what was before the last erasure is not shown, nor is what is older than an erasure is remembered, nor an address
//     that never registered, or was forgotten;
//   - no code, nothing a code is made of, no handle and nothing of a client.

const (
	historyWithin  = 5 * time.Second
	historyWriting = 10 * time.Second // beyond it, for a slow reader
	historyDefault = 7 * 24 * time.Hour
)

// History is what the topics tell of addresses.
type History interface {
	// Of iterates over what happened to a normalised address since a time, oldest first. Where it could not be read to its
	// end, before ctx ended or at all, it ends with a *CutError, and with no other error.
	Of(ctx context.Context, email string, since time.Time) iter.Seq2[Happening, error]
}

// CutError says how far a history could be read.
type CutError struct {
	Until  time.Time // nothing before it is missing
	Topics []string  // that were not read to their ends
	Why    error
}

func (e *CutError) Error() string { return "history cut: " + e.Why.Error() }

func (e *CutError) Unwrap() error { return e.Why }

// The kinds of what happens.
const (
	KindCommand    = "command"
	KindEvent      = "event"
	KindMail       = "mail"
	KindDeadLetter = "dead_letter"
	KindEnd        = "end"
)

// Happening is a record about an account.
type Happening struct {
	At                time.Time `json:"at" doc:"By the record."`
	Kind              string    `json:"kind" enum:"command,event,mail,dead_letter"`
	What              string    `json:"what" doc:"A command's type, an event's topic, a mail's kind, the topic on which a dead letter stood."`
	Outcome           string    `json:"outcome,omitempty" doc:"What came of a command, absent where the account's state does not remember; the state of a mail; whether a dead letter was put aside or retried."`
	AttemptsRemaining *int      `json:"attempts_remaining,omitempty" doc:"After a wrong guess."`
	Attempt           int       `json:"attempt,omitempty" doc:"Of a mail or a dead letter, from 1."`
	Detail            string    `json:"detail,omitempty" doc:"What the relay said, or why a record could not be handled."`
	ID                string    `json:"id,omitempty" doc:"Of the command, event, mail or dead letter."`
	VerificationID    string    `json:"verification_id,omitempty"`
	UserID            string    `json:"user_id,omitempty"`
	MailID            string    `json:"mail_id,omitempty" doc:"Of the mail that an operator's command is about."`
	CommandID         string    `json:"command_id,omitempty" doc:"Of the command that caused the event, if it is shown here."`
	Topic             string    `json:"topic"`
	Partition         int32     `json:"partition"`
	Offset            int64     `json:"offset"`
}

// HistoryEnd is the last line of a history.
type HistoryEnd struct {
	Kind     string     `json:"kind" enum:"end"`
	Complete bool       `json:"complete"`
	Until    *time.Time `json:"until,omitempty" doc:"Where it is not complete: nothing before is missing. Ask with since=until to go on."`
	Unread   []string   `json:"unread,omitempty" doc:"Topics that were not read to their ends."`
}

type historyRequest struct {
	Email string     `path:"email" format:"email" doc:"The address, in any spelling." example:"ada@example.com"`
	Since sinceParam `query:"since" doc:"A time (RFC 3339), or how long ago, like 90m, 12h or 7d. Defaults to 7d; 23d is the most." example:"12h"`
}

func (u *users) history(_ context.Context, r *historyRequest) (http.HandlerFunc, error) {
	email, err := user.NormalizeAddress(r.Email, u.PublicAddresses)
	if err != nil {
		return nil, badFields(badAddress(err))
	}
	since, ok := r.Since.before(time.Now())
	if !ok {
		return nil, badFields(FieldError{"since", parameterInvalid, "must be a time like 2026-01-31T12:00:00Z, or a duration like 90m, 12h or 7d"})
	}
	state, found, err := u.Users.Get(email)
	if err != nil {
		return nil, unanswered(u.Log, "read users", err)
	}
	if !found {
		return nil, newProblem(userNotFound, "")
	}
	since = latest(since, state.ErasedAt, time.Now().Add(-user.ErasedKept))
	return func(w http.ResponseWriter, r *http.Request) { u.tellHistory(w, r, email, since) }, nil
}

func (u *users) tellHistory(w http.ResponseWriter, r *http.Request, email string, since time.Time) {
	ctx, cancel := untilStop(r.Context())
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, historyWithin)
	defer cancel()
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(historyWithin + historyWriting)) // where none can be set, the server's holds
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	end := HistoryEnd{Kind: KindEnd, Complete: true}
	shown := 0
	for h, err := range u.History.Of(ctx, email, since) {
		if cut := (*CutError)(nil); errors.As(err, &cut) {
			if shown == 0 && !cut.Until.After(since) {
				unanswered(u.Log, "read history", err).ServeHTTP(w, r)
				return
			}
			end.Complete, end.Until, end.Unread = false, &cut.Until, cut.Topics
			break
		}
		u.remember(&h, email)
		if errors.Join(lines.Encode(h), out.Flush()) != nil {
			return // nobody reads on
		}
		shown++
	}
	_ = lines.Encode(end) // as above
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// remember adds what the state still knows of a command.
func (u *users) remember(h *Happening, email string) {
	if h.Kind != KindCommand {
		return
	}
	state, _, _ := u.Users.Get(email) // a view that has stopped remembers nothing
	if o, ok := state.Outcome(h.VerificationID, h.ID); ok {
		h.Outcome = string(o.Result)
		if o.Result == user.CodeInvalid {
			h.AttemptsRemaining = &o.AttemptsRemaining
		}
	}
}

// sinceParam is a parameter: a time, or how long ago it was.
type sinceParam string

var ago = regexp.MustCompile(`^([0-9]{1,5})([smhd])$`)

// Schema describes both.
func (sinceParam) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, AnyOf: []*huma.Schema{{Format: "date-time"}, {Pattern: ago.String()}}}
}

// before returns the time, seen from now; false if it is none.
func (s sinceParam) before(now time.Time) (time.Time, bool) {
	if s == "" {
		return now.Add(-historyDefault), true
	}
	if parts := ago.FindStringSubmatch(string(s)); parts != nil {
		n, _ := strconv.Atoi(parts[1]) // five digits
		unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[parts[2]]
		return now.Add(-time.Duration(n) * unit), true
	}
	at, err := time.Parse(time.RFC3339, string(s))
	return at, err == nil
}
