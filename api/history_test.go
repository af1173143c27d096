package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/api"
	"countersign/user"
)

// past is what topics tell of an address, and what they were asked.
type past struct {
	tells []api.Happening
	cut   *api.CutError

	email string
	since time.Time
}

func (p *past) Of(_ context.Context, email string, since time.Time) iter.Seq2[api.Happening, error] {
	p.email, p.since = email, since
	return func(yield func(api.Happening, error) bool) {
		for _, h := range p.tells {
			if !yield(h, nil) {
				return
			}
		}
		if p.cut != nil {
			yield(api.Happening{}, p.cut)
		}
	}
}

// lines reads lines of JSON.
func (a answer) lines(t *testing.T) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(a.body) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, v)
	}
	return all
}

func TestHistory_IsALineForEachRecord_WithWhatTheStateRemembersOfCommands(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	s.call("/api/verify", "", map[string]string{"verification_id": id, "code": wrongCode(code)})
	for _, c := range s.sent() {
		s.past.tells = append(s.past.tells, api.Happening{Kind: api.KindCommand, What: string(c.Type), ID: c.ID, VerificationID: c.VerificationID})
	}
	s.past.tells = append(s.past.tells, api.Happening{Kind: api.KindMail, What: "verify_account", Outcome: "sent"},
		api.Happening{Kind: api.KindCommand, What: "resend", ID: "long ago"})
	a := s.internal(nil)(http.MethodGet, "/users/ADA@example.com/history")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/x-ndjson" || s.past.email != "ada@example.com" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	lines := a.lines(t)
	if len(lines) != 5 || lines[0]["outcome"] != "accepted" || lines[1]["outcome"] != "code_invalid" || lines[1]["attempts_remaining"] != 4.0 ||
		lines[2]["outcome"] != "sent" || lines[3]["outcome"] != nil || lines[4]["kind"] != "end" || lines[4]["complete"] != true {
		t.Errorf("got\n%s", a.body)
	}
}

func TestHistory_Since_IsATimeOrADuration(t *testing.T) {
	s := newSite(t)
	s.register("ada@example.com")
	do := s.internal(nil)
	for text, ago := range map[string]time.Duration{"": 7 * 24 * time.Hour, "90m": 90 * time.Minute, "2d": 48 * time.Hour, "0s": 0, "36h": 36 * time.Hour} {
		before := time.Now()
		a := do(http.MethodGet, "/users/ada@example.com/history?since="+text)
		if want := before.Add(-ago); a.status != http.StatusOK || s.past.since.Before(want) || s.past.since.After(time.Now().Add(-ago)) {
			t.Errorf("%q: %d, since %v, want %v", text, a.status, s.past.since, want)
		}
	}
	at := time.Now().AddDate(0, 0, -8).UTC().Truncate(time.Millisecond)
	if do(http.MethodGet, "/users/ada@example.com/history?since="+at.Format(time.RFC3339Nano)); !s.past.since.Equal(at) {
		t.Errorf("since %v, want %v", s.past.since, at)
	}
	for _, text := range []string{"yesterday", "-1h", "-1d", "d", "7", "1.5d", "2026-01-31"} {
		if a := do(http.MethodGet, "/users/ada@example.com/history?since="+text); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "parameter_invalid" {
			t.Errorf("%q: %d %s", text, a.status, a.body)
		}
	}
}

func TestHistory_IsNoOlderThanAnErasureIsRemembered(t *testing.T) {
	s := newSite(t)
	s.register("ada@example.com")
	before := time.Now().Add(-user.ErasedKept)
	if a := s.internal(nil)(http.MethodGet, "/users/ada@example.com/history?since=30d"); a.status != http.StatusOK || s.past.since.Before(before) {
		t.Errorf("%d, since %v", a.status, s.past.since)
	}
}

func TestHistory_AfterAnErasure_BeginsWithIt(t *testing.T) {
	s := newSite(t)
	s.register("ada@example.com")
	do := s.internal(nil)
	do(http.MethodDelete, "/users/ada@example.com")
	erased, _, _ := s.Get("ada@example.com")
	if a := do(http.MethodGet, "/users/ada@example.com/history"); a.status != http.StatusOK || !s.past.since.Equal(erased.ErasedAt) {
		t.Errorf("%d, since %v, want %v", a.status, s.past.since, erased.ErasedAt)
	}
	s.register("ada@example.com")
	if do(http.MethodGet, "/users/ada@example.com/history"); !s.past.since.Equal(erased.ErasedAt) {
		t.Errorf("registered again: since %v, want %v", s.past.since, erased.ErasedAt)
	}
}

func TestHistory_ThatIsCut_SaysWhereToGoOn(t *testing.T) {
	s := newSite(t)
	s.register("ada@example.com")
	until := time.Now().Add(-time.Minute).UTC()
	s.past.tells = []api.Happening{{Kind: api.KindEvent, What: "user_account_created"}}
	s.past.cut = &api.CutError{Until: until, Topics: []string{"mail_deliveries"}, Why: context.DeadlineExceeded}
	lines := s.internal(nil)(http.MethodGet, "/users/ada@example.com/history").lines(t)
	end := lines[len(lines)-1]
	if len(lines) != 2 || end["kind"] != "end" || end["complete"] != false || end["until"] != until.Format(time.RFC3339Nano) || len(end["unread"].([]any)) != 1 {
		t.Errorf("got %v", lines)
	}
}

func TestHistory_WithoutAnswer_SaysWhy(t *testing.T) {
	s := newSite(t)
	do := s.internal(nil)
	if a := do(http.MethodGet, "/users/ada@example.com/history"); a.status != http.StatusNotFound || a.json(t)["code"] != "user_not_found" {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
	s.register("ada@example.com")
	s.past.cut = &api.CutError{Until: time.Now().Add(-30 * 24 * time.Hour), Why: errors.New("away")}
	if a := do(http.MethodGet, "/users/ada@example.com/history"); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
		t.Errorf("nothing can be read: %d %s", a.status, a.body)
	}
	s.set(func(f *fold) { f.readErr = errors.New("still reading") })
	if a := do(http.MethodGet, "/users/ada@example.com/history"); a.status != http.StatusServiceUnavailable {
		t.Errorf("no view: %d %s", a.status, a.body)
	}
	if a := do(http.MethodGet, "/users/ada/history"); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "email_invalid" {
		t.Errorf("no address: %d %s", a.status, a.body)
	}
}
