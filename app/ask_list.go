package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"
)

// Rules:
//   - a table is for people; JSON is one object a line, as the api answers it;
//   - times are local for people.

const (
	localTime  = "2006-01-02 15:04:05.000 -07:00"
	rowsAtOnce = 1000 // the most that the api answers at once
)

// list is what the api answers page by page.
type list struct {
	path  string
	query url.Values
	head  string // of the table
	row   func(w io.Writer, row json.RawMessage) error
}

// print prints at most limit rows, or all of them if it is 0.
func (l list) print(ctx context.Context, s Settings, limit int, asJSON bool, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := l.row
	if asJSON {
		row = printJSON
	} else {
		fmt.Fprintln(w, l.head)
	}
	for listed := 0; ; {
		page := rowsAtOnce
		if limit > 0 {
			page = min(page, limit-listed)
		}
		l.query.Set("limit", strconv.Itoa(page))
		var answer struct {
			Users, Mails []json.RawMessage // whichever is listed
			Next         string
		}
		if err := s.ask(ctx, http.MethodGet, l.path+"?"+l.query.Encode(), &answer); err != nil {
			return err
		}
		rows := slices.Concat(answer.Users, answer.Mails)
		for _, r := range rows {
			if err := row(w, r); err != nil {
				return s.broken(err)
			}
		}
		listed += len(rows)
		more := listed == limit && answer.Next != ""
		if more && !asJSON {
			fmt.Fprintln(w, "… there may be more: ask with --limit or --all")
		}
		if err := w.Flush(); err != nil || more || answer.Next == "" {
			return err
		}
		l.query.Set("after", answer.Next)
	}
}

func printJSON(w io.Writer, row json.RawMessage) error {
	_, err := fmt.Fprintf(w, "%s\n", row)
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return printable(text)
}

// fields are the lines that tell of one thing.
type fields struct{ *tabwriter.Writer }

func newFields(out io.Writer) fields { return fields{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)} }

// line prints a field that is not empty.
func (f fields) line(name, text string) {
	if text != "" {
		fmt.Fprintf(f, "%s\t%s\n", name, printable(text))
	}
}
