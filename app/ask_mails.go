package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/api"
)

// Rules:
//   - what an operator asks is taken at once and done by a notifier, so a command waits a little, and says what became of it;
//   - the exit code is 0 when that is what was asked for, 1 when it is not, and 2 when nothing is known yet.

const (
	awaitedWithin = 10 * time.Second
	awaitedPause  = 200 * time.Millisecond

	replyShown = 60 // characters in a list
)

// MailFilter says which mails are listed. The zero filter means all.
type MailFilter struct {
	Status string `help:"Only in this state: queued, retrying, uncertain, sent, failed, expired, superseded or cancelled."`
	Kind   string `help:"Only of this kind: verify_account, account_verified or already_registered."`
}

// ListMails prints mails, the newest first, at most limit, or all of them if it is 0.
func ListMails(ctx context.Context, s Settings, f MailFilter, limit int, asJSON bool, out io.Writer) error {
	return list{
		path: "/mails", query: url.Values{"status": {f.Status}, "kind": {f.Kind}},
		head: "ID\tKIND\tSTATE\tATTEMPTS\tUPDATED\tEMAIL\tSTAGE\tREPLY", row: printMail,
	}.print(ctx, s, limit, asJSON, out)
}

func printMail(w io.Writer, row json.RawMessage) error {
	var m api.Mail
	if err := json.Unmarshal(row, &m); err != nil {
		return err
	}
	reply := []rune(orDash(m.Reply))
	if len(reply) > replyShown {
		reply = append(reply[:replyShown-1], '…')
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n",
		m.ID, m.Kind, m.State, m.Attempts, m.UpdatedAt.Local().Format(time.DateTime), m.Email, orDash(m.Stage), string(reply))
	return err
}

// ShowMail prints all that is known of a mail, and what happened to it; as JSON the mail alone, as the api answers it.
func ShowMail(ctx context.Context, s Settings, id string, asJSON, colours bool, out io.Writer) error {
	var answer json.RawMessage
	if err := s.ask(ctx, http.MethodGet, mailPath(id), &answer); err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, answer)
	}
	var m api.MailShown
	if err := json.Unmarshal(answer, &m); err != nil {
		return s.broken(err)
	}
	w := newFields(out)
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			w.line(name, t.Local().Format(localTime))
		}
	}
	w.line("id", m.ID)
	w.line("kind", m.Kind)
	w.line("to", m.Email)
	w.line("state", m.State)
	w.line("attempts", strconv.Itoa(m.Attempts))
	at("queued", m.QueuedAt)
	at("updated", m.UpdatedAt)
	at("next attempt", m.NotBefore)
	at("deadline", m.Deadline)
	w.line("stage", m.Stage)
	w.line("reply", m.Reply)
	w.line("message id", m.MessageID)
	w.line("verification", m.VerificationID)
	if m.Suppressed != nil {
		at("suppressed", m.Suppressed.At)
		w.line("because", m.Suppressed.Reply)
	}
	fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		return err
	}
	err := ShowHistory(ctx, s, m.Email, History{Since: m.QueuedAt.Format(time.RFC3339Nano), Colours: colours, about: m.ID}, out)
	if refused(err, "user_not_found") { // the api has not heard of the account yet
		return nil
	}
	return err
}

func mailPath(id string) string { return "/mails/" + url.PathEscape(id) }

// undecided says that nothing is known yet of what was asked.
type undecided string

// Error is one line.
func (u undecided) Error() string {
	return string(u) + " is asked for, and nothing is known of it yet: perhaps no notifier runs, see countersign instances"
}

// ExitCode tells it from what failed.
func (undecided) ExitCode() int { return 2 }

// RetryMail has a mail sent after all, and prints what became of it, of one that waits at once. It fails if the mail was given
// up again, and with the exit code 2 if nothing is known yet. Repeating it has no second effect.
func RetryMail(ctx context.Context, s Settings, id string, out io.Writer) error {
	before, now, err := s.order(ctx, id, "retry", func(before, now api.Mail) bool {
		return before.Waits() || !now.UpdatedAt.Equal(before.UpdatedAt) && now.State != "queued" && (now.Waits() || now.State != "uncertain")
	})
	switch {
	case err != nil:
		return err
	case before.Waits():
		_, err = fmt.Fprintf(out, "%s waits already: %s\n", now.ID, state(now))
		return err
	case now.State == "sent" || now.Waits():
		return printState(out, now)
	case now.UpdatedAt.Equal(before.UpdatedAt):
		return undecided("the retry")
	}
	return fmt.Errorf("mail %s was given up again: %s", id, state(now))
}

// CancelMail calls off a mail that waits, and prints what became of it. It fails if the mail was sent or given up before,
// and with the exit code 2 if nothing is known yet. Repeating it has no second effect.
func CancelMail(ctx context.Context, s Settings, id string, out io.Writer) error {
	_, now, err := s.order(ctx, id, "cancel", func(_, now api.Mail) bool { return !now.Waits() })
	switch {
	case err != nil:
		return err
	case now.State == "cancelled":
		return printState(out, now)
	case now.Waits():
		return undecided("the cancellation")
	}
	return fmt.Errorf("mail %s could not be called off any more: %s", id, state(now))
}

// Unsuppress has mails sent to an address again. It fails with the exit code 2 if nothing is known yet of what came of it.
// Repeating it fails, because an address that is off the list is not found there.
func Unsuppress(ctx context.Context, s Settings, email string, out io.Writer) error {
	path := "/suppressions/" + url.PathEscape(email)
	if err := s.ask(ctx, http.MethodDelete, path, new(json.RawMessage)); err != nil {
		return err
	}
	off := false
	if err := await(ctx, func() (bool, error) {
		err := s.ask(ctx, http.MethodGet, path, new(json.RawMessage))
		if off = refused(err, "suppression_not_found"); off {
			return true, nil
		}
		return false, err
	}); err != nil {
		return err
	}
	if !off {
		return undecided("that")
	}
	_, err := fmt.Fprintln(out, "mails to", printable(email), "are sent again; those that were given up need a retry each")
	return err
}

// order asks something about a mail, and waits until that is done, or for too long. It returns the mail as it was, and as it
// is.
func (s Settings) order(ctx context.Context, id, what string, done func(before, now api.Mail) bool) (before, now api.Mail, err error) {
	if err := s.ask(ctx, http.MethodPost, mailPath(id)+"/"+what, &before); err != nil {
		return before, now, fmt.Errorf("mail %s: %w", id, err)
	}
	err = await(ctx, func() (bool, error) {
		err := s.ask(ctx, http.MethodGet, mailPath(id), &now)
		return done(before, now), err
	})
	return before, now, err
}

// await waits until done says so, or fails, for awaitedWithin.
func await(ctx context.Context, done func() (bool, error)) error {
	for end := time.Now().Add(awaitedWithin); ; {
		if ok, err := done(); ok || err != nil || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(awaitedPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func printState(out io.Writer, m api.Mail) error {
	_, err := fmt.Fprintln(out, m.ID, state(m))
	return err
}

// state is what became of a mail, in a line.
func state(m api.Mail) string {
	text := m.State
	if m.Reply != "" {
		text += fmt.Sprintf(" (%s: %s)", m.Stage, printable(m.Reply))
	}
	if !m.NotBefore.IsZero() {
		text += ", next attempt " + m.NotBefore.Local().Format(localTime)
	}
	return text
}
