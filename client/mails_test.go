package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"countersign/client"
)

// mailShown waits until the mail to an address is listed in that state.
func mailShown(t *testing.T, c *client.Client, email, state string) client.Mail {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for m, err := range c.Mails(t.Context(), client.MailFilter{Status: state}) {
			if err != nil {
				t.Fatal(err)
			}
			if m.Email == email {
				return m
			}
		}
	}
	t.Fatalf("no mail to %s is %s", email, state)
	return client.Mail{}
}

func TestClient_ShowsAMail_AndIsRefusedWhereItIsTooLate(t *testing.T) {
	c, ctx := whole(t), t.Context()
	if _, err := c.Register(ctx, client.Registration{Email: "mailed@example.com", FirstName: "M"}); err != nil {
		t.Fatal(err)
	}
	listed := mailShown(t, c, "mailed@example.com", "sent")
	m, err := c.Mail(ctx, listed.ID)
	if err != nil || *m != listed || m.Kind != "verify_account" || m.Attempts != 1 || m.MessageID == "" || m.Deadline.IsZero() {
		t.Errorf("shown %+v, listed %+v, %v", m, listed, err)
	}
	for what, err := range map[string]error{"retry": second(c.RetryMail(ctx, m.ID)), "cancel": second(c.CancelMail(ctx, m.ID))} {
		if !errors.Is(err, client.ErrRefused) {
			t.Errorf("%s of a mail that is sent: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"mail": second(c.Mail(ctx, "unknown")), "retry": second(c.RetryMail(ctx, "unknown")), "cancel": second(c.CancelMail(ctx, "unknown")),
		"suppression": second(c.Suppression(ctx, "mailed@example.com")), "unsuppress": second(c.Unsuppress(ctx, "mailed@example.com")),
	} {
		if !errors.Is(err, client.ErrNotFound) {
			t.Errorf("%s of what is not there: %v", what, err)
		}
	}
	for _, err := range c.Mails(ctx, client.MailFilter{Status: "lost"}) {
		if !errors.Is(err, client.ErrInvalid) {
			t.Errorf("of no state: %v", err)
		}
	}
}

func TestClient_ListsMailsPageByPage_AndRepeatsWhatIsNotTaken(t *testing.T) {
	var asked []string
	busy := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization"))
		switch {
		case r.Method == http.MethodGet && r.URL.Query().Get("after") == "":
			fmt.Fprint(w, `{"mails":[{"id":"m3"},{"id":"m2"}],"next":"m2"}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"mails":[{"id":"m1"}]}`)
		case busy:
			busy = false
			problem(503, "overloaded")(w, r)
		default:
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"id":"m1","state":"failed"}`)
		}
	}))
	defer server.Close()
	c := newClient(t, client.Config{InternalURL: server.URL, Token: "operator"})
	var ids []string
	for m, err := range c.Mails(t.Context(), client.MailFilter{Kind: "verify_account"}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
	}
	if !slices.Equal(ids, []string{"m3", "m2", "m1"}) {
		t.Errorf("listed %v", ids)
	}
	if m, err := c.RetryMail(t.Context(), "m1"); err != nil || m.State != "failed" {
		t.Errorf("%+v, %v", m, err)
	}
	want := []string{
		"GET /mails?kind=verify_account&status= Bearer operator", "GET /mails?after=m2&kind=verify_account&status= Bearer operator",
		"POST /mails/m1/retry Bearer operator", "POST /mails/m1/retry Bearer operator",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
}
