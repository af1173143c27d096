package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// relayed answers about one mail: before it was asked for, and in turn what became of it. The last stays.
func relayed(t *testing.T, states ...string) (Settings, *[]string) {
	t.Helper()
	var asked []string
	changed, before := time.Now(), ""
	return answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		state := states[0]
		states = states[min(1, len(states)-1):]
		if state != before {
			changed, before = changed.Add(time.Second), state
		}
		if state == "" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"title":"It is not there","code":"suppression_not_found"}`)
			return
		}
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusAccepted)
		}
		fmt.Fprintf(w, `{"id":"m1","email":"ada@example.com","state":%q,"stage":"rcpt","reply":"250 fine","updated_at":%q}`, state, changed.Format(time.RFC3339Nano))
	}), &asked
}

// outcome is what a command prints, or why it fails.
type outcome struct{ out, err string }

// becomes expects of a command about a mail what it makes of each course of its states.
func becomes(t *testing.T, command func(context.Context, Settings, string, io.Writer) error, path string, courses map[string]outcome) {
	t.Helper()
	for states, want := range courses {
		s, asked := relayed(t, strings.Split(states, ",")...)
		var out strings.Builder
		var got outcome
		if err := command(t.Context(), s, "m1", &out); err != nil {
			got.err = err.Error()
		}
		got.out = out.String()
		if got != want || (*asked)[0] != path || (*asked)[1] != "GET /mails/m1" {
			t.Errorf("%s: %+v, asked %v", states, got, *asked)
		}
	}
}

func TestRetryMail_SaysWhatBecameOfIt(t *testing.T) {
	becomes(t, RetryMail, "POST /mails/m1/retry", map[string]outcome{
		"failed,failed,queued,sent": {out: "m1 sent (rcpt: 250 fine)\n"},
		"failed,retrying":           {out: "m1 retrying (rcpt: 250 fine)\n"},
		"queued":                    {out: "m1 waits already: queued (rcpt: 250 fine)\n"},
		"failed,queued,failed":      {err: "mail m1 was given up again: failed (rcpt: 250 fine)"},
	})
}

func TestCancelMail_SaysWhatBecameOfIt(t *testing.T) {
	becomes(t, CancelMail, "POST /mails/m1/cancel", map[string]outcome{
		"retrying,retrying,cancelled": {out: "m1 cancelled (rcpt: 250 fine)\n"},
		"cancelled":                   {out: "m1 cancelled (rcpt: 250 fine)\n"},
		"queued,sent":                 {err: "mail m1 could not be called off any more: sent (rcpt: 250 fine)"},
	})
}

func TestUnsuppress_ReturnsWhenTheAddressIsOffTheList(t *testing.T) {
	s, asked := relayed(t, "listed", "listed", "")
	var out strings.Builder
	if err := Unsuppress(t.Context(), s, "ada@example.com", &out); err != nil || !strings.Contains(out.String(), "are sent again") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if got := strings.Join(*asked, ", "); got != "DELETE /suppressions/ada@example.com, GET /suppressions/ada@example.com, GET /suppressions/ada@example.com" {
		t.Errorf("asked %s", got)
	}
	if err := Unsuppress(t.Context(), s, "ada@example.com", &out); err == nil || err.Error() != "It is not there" {
		t.Errorf("once more: %v", err)
	}
}

func TestUndecided_HasAnExitCodeOfItsOwn(t *testing.T) {
	var coded interface{ ExitCode() int }
	if err := error(undecided("the retry")); !errors.As(err, &coded) || coded.ExitCode() != 2 {
		t.Errorf("%v", err)
	}
}

func TestShowMail_AsJSON_IsTheAnswerInALine(t *testing.T) {
	const mail = `{"id":"m1","state":"failed","stage":"rcpt","suppressed":{"reply":"550 no"},"from_a_later_version":true}`
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/mails/m1" {
			t.Errorf("asked %s", r.URL)
		}
		fmt.Fprintln(w, mail)
	})
	var out strings.Builder
	if err := ShowMail(t.Context(), s, "m1", true, true, &out); err != nil || out.String() != mail+"\n" {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestListMails_FitsTheReplyIntoALine(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("status") != "failed" || q.Get("kind") != "verify_account" {
			t.Errorf("asked %s", r.URL)
		}
		fmt.Fprintf(w, `{"mails":[{"id":"m1","kind":"verify_account","state":"failed","email":"ada@example.com","reply":"550 \u001b%s"}]}`, strings.Repeat("long ", 50))
	})
	var out strings.Builder
	if err := ListMails(t.Context(), s, MailFilter{Status: "failed", Kind: "verify_account"}, 10, false, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "ID") || !strings.Contains(lines[1], "ada@example.com") || strings.Contains(lines[1], "\x1b") || len(lines[1]) > 200 {
		t.Errorf("listed:\n%s", out.String())
	}
}
