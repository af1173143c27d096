package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"countersign/api"
)

// DeadLetterFilter says which letters are meant. The zero filter means all.
type DeadLetterFilter struct {
	Topic  string `help:"Only of this topic."`
	Reason string `help:"Only with this in their reason."`
}

func (f DeadLetterFilter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"topic": f.Topic, "reason": f.Reason} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// ListDeadLetters prints what was put aside, a line each, the latest first.
func ListDeadLetters(ctx context.Context, s Settings, f DeadLetterFilter, limit int, out io.Writer) error {
	q := f.query()
	q.Set("limit", strconv.Itoa(limit))
	var list struct {
		DeadLetters []api.DeadLetter `json:"dead_letters"`
		More        bool
	}
	if err := s.ask(ctx, http.MethodGet, "/dead-letters?"+q.Encode(), &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tFAILED AT\tORIGIN\tATTEMPTS\tSTATE\tREASON")
	for _, d := range list.DeadLetters {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", d.ID, d.FailedAt.Format(time.RFC3339), origin(d), d.Attempts, d.State, printable(d.Reason))
	}
	if list.More {
		fmt.Fprintln(w, "… there are older ones: ask with --limit")
	}
	return w.Flush()
}

func origin(d api.DeadLetter) string { return fmt.Sprintf("%s/%d/%d", d.Topic, d.Partition, d.Offset) }

// ShowDeadLetter prints all of a letter.
func ShowDeadLetter(ctx context.Context, s Settings, id string, out io.Writer) error {
	var d api.DeadLetter
	if err := s.ask(ctx, http.MethodGet, "/dead-letters/"+url.PathEscape(id), &d); err != nil {
		return err
	}
	w := newFields(out)
	w.line("id", d.ID)
	w.line("state", strings.TrimSuffix(d.State+": "+d.Refused, ": "))
	w.line("reason", d.Reason)
	w.line("origin", origin(d))
	w.line("group", d.Group)
	w.line("attempts", strconv.Itoa(d.Attempts))
	w.line("recorded at", d.RecordedAt.Format(time.RFC3339Nano))
	w.line("failed at", d.FailedAt.Format(time.RFC3339Nano))
	if !d.RetriedAt.IsZero() {
		w.line("retried at", d.RetriedAt.Format(time.RFC3339Nano))
	}
	w.line("key", d.Key)
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		w.line("header "+name, d.Headers[name])
	}
	switch {
	case d.Value != nil:
		w.line("value", *d.Value)
	case d.Binary != nil:
		w.line("value", fmt.Sprintf("%x (no text: in hexadecimal)", d.Binary))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if d.Stack != "" {
		fmt.Fprintf(out, "\n%s", d.Stack)
	}
	return nil
}

// printable writes what a terminal might obey as Go does.
func printable(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// retries is what came of asking for some.
type retries struct {
	Retried    []string
	NotRetried []struct{ ID, Why string } `json:"not_retried"`
	Next       string
}

// RetryDeadLetter gives a record back to its topic.
func RetryDeadLetter(ctx context.Context, s Settings, id string, out io.Writer) error {
	var r retries
	if err := s.ask(ctx, http.MethodPost, "/dead-letters/"+url.PathEscape(id)+"/retry", &r); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "retried", id)
	return err
}

// RetryDeadLetters gives every record back that can be, and prints what became of each. It returns an error if one of them
// could not be: a script is to know. Asked again, it passes over those that never can be.
func RetryDeadLetters(ctx context.Context, s Settings, f DeadLetterFilter, out io.Writer) error {
	q := f.query()
	kept := 0
	for {
		var r retries
		if err := s.ask(ctx, http.MethodPost, "/dead-letters/retry?"+q.Encode(), &r); err != nil {
			return err
		}
		for _, id := range r.Retried {
			fmt.Fprintln(out, "retried", id)
		}
		for _, not := range r.NotRetried {
			fmt.Fprintf(out, "not retried %s: %s\n", not.ID, not.Why)
		}
		kept += len(r.NotRetried)
		if r.Next == "" {
			break
		}
		q.Set("after", r.Next)
	}
	if kept > 0 {
		return fmt.Errorf("%d not retried", kept)
	}
	return nil
}
