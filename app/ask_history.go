package app

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/api"
	"countersign/user"
)

// Rules:
//   - a line for each record, by local time: what, what came of it, and the three characters by which a person knows the
//     verification from page and mail;
//   - a command whose outcome is forgotten was applied if an event names it;
//   - what could not be read in time is said, and how to go on.

// History says what of a history is shown, and how.
type History struct {
	Since   string // a time (RFC 3339) or how long ago
	JSON    bool   // the api's lines as they are
	Colours bool
	about   string // the id of the mail that is shown, with its event and what was asked about it; empty: all is
}

// ShowHistory prints what happened to an account, as the api role at INTERNAL_ADDR reads it from the topics.
func ShowHistory(ctx context.Context, s Settings, email string, h History, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := s.open(ctx, http.MethodGet, "/users/"+url.PathEscape(email)+"/history?"+url.Values{"since": {h.Since}}.Encode())
	if err != nil {
		return err
	}
	defer body.Close()
	if h.JSON {
		_, err := io.Copy(out, body)
		return err
	}
	t := timeline{out: out, colours: h.Colours, about: h.about}
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if err := t.add(lines.Bytes()); err != nil {
			return s.broken(err)
		}
	}
	if err := cmp.Or(lines.Err(), t.unfinished()); err != nil {
		return s.broken(err)
	}
	return t.print()
}

// timeline is a history for people.
type timeline struct {
	out     io.Writer
	colours bool
	about   string
	entries []api.Happening
	applied map[string]bool // commands that an event names
	end     *api.HistoryEnd
}

// add adds a line of the answer.
func (t *timeline) add(line []byte) error {
	var kind struct{ Kind string }
	if err := json.Unmarshal(line, &kind); err != nil {
		return err
	}
	if kind.Kind == api.KindEnd {
		return json.Unmarshal(line, &t.end)
	}
	var h api.Happening
	if err := json.Unmarshal(line, &h); err != nil {
		return err
	}
	if t.applied == nil {
		t.applied = map[string]bool{}
	}
	t.applied[h.CommandID] = true
	if t.about == "" || t.about == h.ID || t.about == h.MailID {
		t.entries = append(t.entries, h)
	}
	return nil
}

// unfinished is an error until the last line was added.
func (t *timeline) unfinished() error {
	if t.end == nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (t *timeline) print() error {
	for _, h := range t.entries {
		outcome := h.Outcome
		if outcome == "" && h.Kind == api.KindCommand && t.applied[h.ID] {
			outcome = "applied"
		}
		reference := ""
		if h.VerificationID != "" {
			reference = user.Reference(h.VerificationID)
		}
		line := fmt.Sprintf("%s  %-11s  %-26s  %-3s  %s", h.At.Local().Format(localTime), h.Kind, printable(h.What), reference, t.coloured(outcome)+t.more(h))
		if _, err := fmt.Fprintln(t.out, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	last := "that is all"
	if len(t.entries) == 0 {
		last = "nothing happened"
	}
	if !t.end.Complete {
		last = fmt.Sprintf("… not all could be read in time (%s): go on with --since=%s", strings.Join(t.end.Unread, ", "), t.end.Until.Format(time.RFC3339Nano))
	}
	_, err := fmt.Fprintln(t.out, last)
	return err
}

// more is what stands behind an outcome.
func (t *timeline) more(h api.Happening) string {
	var more []string
	if h.AttemptsRemaining != nil {
		more = append(more, fmt.Sprintf("%d tries left", *h.AttemptsRemaining))
	}
	if h.Attempt > 1 {
		more = append(more, fmt.Sprintf("attempt %d", h.Attempt))
	}
	if h.Detail != "" {
		more = append(more, printable(h.Detail))
	}
	if len(more) == 0 {
		return ""
	}
	return " (" + strings.Join(more, ", ") + ")"
}

// colours are those of what went well, and of what did not (ECMA-48 §8.3.117).
var colours = map[string]string{
	string(user.Verified): "32", "sent": "32",
	string(user.CodeInvalid): "33", string(user.CodeExpired): "33", string(user.TooManyAttempts): "31", "retrying": "33", "uncertain": "33",
	"failed": "31", "expired": "31", "put aside": "31",
}

func (t *timeline) coloured(outcome string) string {
	if colour := colours[outcome]; t.colours && colour != "" {
		return "\x1b[" + colour + "m" + outcome + "\x1b[0m"
	}
	return outcome
}
