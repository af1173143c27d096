package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/api"
)

// UserFilter says which accounts are listed. The zero filter means all that are pending or verified.
type UserFilter struct {
	Prefix string `help:"Only addresses that begin so."`
	Status string `help:"pending, verified, or none: no mail was ever sent. Defaults to pending and verified."`
}

// ListUsers prints accounts in the order of their addresses, at most limit, or all of them if it is 0.
func ListUsers(ctx context.Context, s Settings, f UserFilter, limit int, asJSON bool, out io.Writer) error {
	return list{
		path: "/users", query: url.Values{"prefix": {f.Prefix}, "status": {f.Status}},
		head: "EMAIL\tSTATUS\tNAME\tCREATED\tUPDATED\tUSER ID", row: printUser,
	}.print(ctx, s, limit, asJSON, out)
}

func printUser(w io.Writer, row json.RawMessage) error {
	var u api.Summary
	if err := json.Unmarshal(row, &u); err != nil {
		return err
	}
	created := "-"
	if !u.CreatedAt.IsZero() {
		created = u.CreatedAt.Local().Format(time.DateTime)
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
		u.Email, orDash(string(u.Status)), orDash(strings.TrimSpace(u.FirstName+" "+u.LastName)), created, u.UpdatedAt.Local().Format(time.DateTime), orDash(u.UserID))
	return err
}

// WatchUsers prints a line for each account that changes, until ctx ends.
func WatchUsers(ctx context.Context, s Settings, asJSON bool, out io.Writer) error {
	body, err := s.open(ctx, http.MethodGet, "/stream")
	if err != nil {
		return err
	}
	defer body.Close()
	event, data := "", ""
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case name == "event":
			event = value
		case name == "data":
			data = value
		case lines.Text() == "" && event == "cut":
			return errors.New("this command was too slow for the changes: list the users, then watch again")
		case lines.Text() == "" && event != "":
			if err := printChange(out, event, data, asJSON); err != nil {
				return s.broken(err)
			}
			event = ""
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := lines.Err(); err != nil {
		return s.broken(err)
	}
	return fmt.Errorf("INTERNAL_ADDR=%s has stopped", s.InternalAddr)
}

func printChange(out io.Writer, event, data string, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "{\"event\":%q,\"data\":%s}\n", event, data)
		return err
	}
	var u api.Summary
	if err := json.Unmarshal([]byte(data), &u); err != nil {
		return err
	}
	at, what := u.UpdatedAt, fmt.Sprintf("%s, version %d", orDash(string(u.Status)), u.Version)
	if event == "removed" {
		at, what = time.Now(), event
	}
	_, err := fmt.Fprintf(out, "%s  %s  %s\n", at.Local().Format(localTime), u.Email, what)
	return err
}
