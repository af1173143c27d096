package app

import (
	"errors"
	"fmt"
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

func TestRetryMail_SaysWhatBecameOfIt(t *testing.T) {
	for states, want := range map[string]struct{ out, err string }{
		"failed,failed,queued,sent": {out: "m1 sent (rcpt: 250 fine)\n"},
		"failed,retrying":           {out: "m1 retrying (rcpt: 250 fine)\n"},
		"failed,queued,failed":      {err: "the mail was given up again: failed (rcpt: 250 fine)"},
	} {
		s, asked := relayed(t, strings.Split(states, ",")...)
		var out strings.Builder
		err := RetryMail(t.Context(), s, "m1", &out)
		if out.String() != want.out || (err == nil) != (want.err == "") || err != nil && err.Error() != want.err {
			t.Errorf("%s: %v\n%s", states, err, out.String())
		}
		if (*asked)[0] != "POST /mails/m1/retry" || (*asked)[1] != "GET /mails/m1" {
			t.Errorf("%s: asked %v", states, *asked)
		}
	}
}

func TestCancelMail_SaysWhatBecameOfIt(t *testing.T) {
	for states, want := range map[string]struct{ out, err string }{
		"retrying,retrying,cancelled": {out: "m1 cancelled (rcpt: 250 fine)\n"},
		"cancelled":                   {out: "m1 cancelled (rcpt: 250 fine)\n"},
		"queued,sent":                 {err: "the mail could not be called off any more: sent (rcpt: 250 fine)"},
	} {
		s, _ := relayed(t, strings.Split(states, ",")...)
		var out strings.Builder
		err := CancelMail(t.Context(), s, "m1", &out)
		if out.String() != want.out || (err == nil) != (want.err == "") || err != nil && err.Error() != want.err {
			t.Errorf("%s: %v\n%s", states, err, out.String())
		}
	}
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

func TestListMails_FitsTheReplyIntoALine(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("state") != "failed" || q.Get("kind") != "verify_account" {
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
