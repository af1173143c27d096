package api_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"countersign/api"
	"countersign/user"
)

// post shows the fold's mails as their topic would, and takes what is asked about them.
type post struct {
	*fold
	asked []api.MailCommand
}

func (p *post) all() (newestFirst []api.Mail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, mails := range p.mails {
		newestFirst = append(newestFirst, mails...)
	}
	slices.SortFunc(newestFirst, func(a, b api.Mail) int {
		return cmp.Or(b.QueuedAt.Compare(a.QueuedAt), cmp.Compare(b.ID, a.ID))
	})
	return newestFirst
}

func (p *post) Get(id string) (api.Mail, bool, error) {
	all := p.all()
	i := slices.IndexFunc(all, func(m api.Mail) bool { return m.ID == id })
	if i < 0 {
		return api.Mail{}, false, p.readErr
	}
	return all[i], true, p.readErr
}

func (p *post) List(after string) iter.Seq2[api.Mail, error] {
	return func(yield func(api.Mail, error) bool) {
		if p.readErr != nil {
			yield(api.Mail{}, p.readErr)
			return
		}
		all := p.all()
		behind := slices.IndexFunc(all, func(m api.Mail) bool { return m.ID == after }) + 1
		for _, m := range all[behind:] {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (p *post) Order(_ context.Context, c api.MailCommand) error {
	if p.sendErr == nil {
		p.asked = append(p.asked, c)
	}
	return p.sendErr
}

// mailed puts mails to an address into the fold, each newer than the one before. What a mail does not say is made up.
func (s *site) mailed(email string, mails ...api.Mail) {
	s.set(func(f *fold) {
		for _, m := range mails {
			n := 0
			for _, others := range f.mails {
				n += len(others)
			}
			m.Email, m.QueuedAt, m.UpdatedAt = email, time.Now().Add(time.Duration(n)*time.Microsecond-time.Minute), time.Now()
			m.ID, m.Kind, m.State = cmp.Or(m.ID, fmt.Sprintf("%05d", n)), cmp.Or(m.Kind, "verify_account"), cmp.Or(m.State, "queued")
			if m.Deadline.IsZero() {
				m.Deadline = time.Now().Add(time.Hour)
			}
			f.mails[email] = slices.Insert(f.mails[email], 0, m)
		}
	})
}

// mailsListed asks for a page, and returns the ids of its mails and what comes next.
func mailsListed(t *testing.T, do func(string, string, ...string) answer, query string) (ids []string, next string) {
	t.Helper()
	a := do(http.MethodGet, "/mails"+query)
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	body := a.json(t)
	for _, m := range body["mails"].([]any) {
		ids = append(ids, m.(map[string]any)["id"].(string))
	}
	next, _ = body["next"].(string)
	return ids, next
}

func TestMails_AreListedNewestFirst_ByStateAndKind(t *testing.T) {
	s := newSite(t)
	s.mailed("ada@a.org", api.Mail{ID: "1", State: "sent"}, api.Mail{ID: "2", State: "failed", Stage: "rcpt", Reply: "550 no"})
	s.mailed("bob@a.org", api.Mail{ID: "3", State: "failed", Kind: "account_verified"}, api.Mail{ID: "4", State: "retrying"})
	do := s.internal(nil)
	for query, want := range map[string][]string{
		"":                                     {"4", "3", "2", "1"},
		"?status=failed":                       {"3", "2"},
		"?status=failed&after=3":               {"2"},
		"?kind=verify_account":                 {"4", "2", "1"},
		"?kind=verify_account&status=retrying": {"4"},
		"?status=cancelled&kind=":              nil,
		"?after=1":                             nil,
	} {
		if got, next := mailsListed(t, do, query); !slices.Equal(got, want) || next != "" {
			t.Errorf("%q: %v, next %q, want %v", query, got, next, want)
		}
	}
	for query, detail := range map[string]string{
		"?status=lost": "status: must be queued, retrying, uncertain, sent, failed, expired, superseded or cancelled",
		"?kind=spam":   "kind: must be verify_account, account_verified or already_registered",
		"?limit=0":     "limit: must be a number from 1 to 1000",
		"?after=typo":  "after: must be the id of a mail of the last seven days",
	} {
		if a := do(http.MethodGet, "/mails"+query); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "parameter_invalid" || a.json(t)["detail"] != detail {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	s.set(func(f *fold) { f.readErr = errors.New("still reading") })
	for _, path := range []string{"/mails", "/mails/1"} {
		if a := do(http.MethodGet, path); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestMails_ListedPageByPage_ShowEachOnce_WhateverChangesMeanwhile(t *testing.T) {
	s := newSite(t)
	for i := range 25 {
		s.mailed(fmt.Sprintf("u%d@a.org", i), slices.Repeat([]api.Mail{{}}, 10)...)
	}
	do := s.internal(nil)
	var all []string
	for page, next := 0, ""; page == 0 || next != ""; page++ {
		var ids []string
		ids, next = mailsListed(t, do, "?limit=100&after="+url.QueryEscape(next))
		all = append(all, ids...)
		s.mailed("new@a.org", api.Mail{State: "failed"})
	}
	slices.Reverse(all)
	if len(all) != 250 || !slices.IsSorted(all) || len(slices.Compact(all)) != 250 {
		t.Errorf("%d mails: %v", len(all), all)
	}
}

func TestMails_InARareState_ComeInShortPages(t *testing.T) {
	s := newSite(t)
	s.mailed("z@a.org", api.Mail{ID: "rare", State: "failed"})
	for i := range 100 {
		s.mailed(fmt.Sprintf("u%d@a.org", i), slices.Repeat([]api.Mail{{}}, 250)...)
	}
	do := s.internal(nil)
	pages, found := 0, []string(nil)
	for next := ""; pages == 0 || next != ""; pages++ {
		var ids []string
		ids, next = mailsListed(t, do, "?status=failed&after="+url.QueryEscape(next))
		found = append(found, ids...)
	}
	if pages != 3 || !slices.Equal(found, []string{"rare"}) {
		t.Errorf("%d pages: %v", pages, found)
	}
}

func TestMails_FromBeforeAnErasure_AreNotShown(t *testing.T) {
	s := newSite(t)
	s.mailed("gone@a.org", api.Mail{ID: "1"})
	s.mailed("back@a.org", api.Mail{ID: "2"})
	s.mailed("unknown@a.org", api.Mail{ID: "3"}) // not to anybody that the users' view shows yet
	s.set(func(f *fold) {
		f.states["gone@a.org"] = user.State{Email: "gone@a.org", Status: user.StatusDeleted, ErasedAt: time.Now().Add(-time.Hour)}
		f.states["back@a.org"] = user.State{Email: "back@a.org", Status: user.StatusPending, ErasedAt: time.Now()}
	})
	do := s.internal(nil)
	if ids, _ := mailsListed(t, do, ""); !slices.Equal(ids, []string{"3"}) {
		t.Errorf("listed: %v", ids)
	}
	for _, id := range []string{"1", "2", "4"} {
		for method, path := range map[string]string{http.MethodGet: "/mails/" + id, http.MethodPost: "/mails/" + id + "/retry"} {
			if a := do(method, path); a.status != http.StatusNotFound || a.json(t)["code"] != "mail_not_found" {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
}

func TestMail_IsShownWithWhatIsKnownOfItsAddress(t *testing.T) {
	s := newSite(t)
	s.mailed("ada@a.org", api.Mail{ID: "1", State: "failed", Stage: "rcpt", Reply: "550 no such user", Attempts: 1})
	do := s.internal(nil)
	a := do(http.MethodGet, "/mails/1")
	body := a.json(t)
	if body["email"] != "ada@a.org" || body["reply"] != "550 no such user" || body["deadline"] == nil || body["suppressed"] != nil {
		t.Errorf("shown: %s", a.body)
	}
	s.refusing["ada@a.org"] = api.Suppression{At: time.Now(), Reply: "550 no such user"}
	a = do(http.MethodGet, "/mails/1")
	if suppressed, _ := a.json(t)["suppressed"].(map[string]any); suppressed["reply"] != "550 no such user" || suppressed["suppressed_at"] == nil {
		t.Errorf("shown: %s", a.body)
	}
}

func TestMail_IsRetriedAndCancelled_WhereThatMakesSense(t *testing.T) {
	s := newSite(t)
	do := s.internal(nil)
	for id, c := range map[string]struct {
		state     string
		notBefore time.Time
		can       map[string]bool
	}{
		"1": {state: "queued", can: map[string]bool{api.MailRetry: true, api.MailCancel: true}},
		"2": {state: "retrying", can: map[string]bool{api.MailRetry: true, api.MailCancel: true}},
		"3": {state: "uncertain", notBefore: time.Now(), can: map[string]bool{api.MailRetry: true, api.MailCancel: true}},
		"4": {state: "uncertain", can: map[string]bool{api.MailRetry: true}}, // twice: no attempt is to come
		"5": {state: "failed", can: map[string]bool{api.MailRetry: true}},
		"6": {state: "cancelled", can: map[string]bool{api.MailRetry: true, api.MailCancel: true}},
		"7": {state: "sent"},
		"8": {state: "expired"},
		"9": {state: "superseded"},
	} {
		state := c.state
		s.mailed(id+"@a.org", api.Mail{ID: id, State: state, NotBefore: c.notBefore})
		for _, action := range []string{api.MailRetry, api.MailCancel} {
			s.post.asked = nil
			can := c.can[action]
			for range 2 { // a repeat is taken, too
				a := do(http.MethodPost, "/mails/"+id+"/"+action)
				switch body := a.json(t); {
				case can && (a.status != http.StatusAccepted || body["state"] != state):
					t.Errorf("%s %s: %d %s", action, state, a.status, a.body)
				case !can && (a.status != http.StatusConflict || body["code"] != "mail_"+action+"_refused" || body["detail"] != "it is "+state):
					t.Errorf("%s %s: %d %s", action, state, a.status, a.body)
				}
			}
			if !can && len(s.post.asked) > 0 {
				t.Errorf("%s %s asked for %v", action, state, s.post.asked)
			}
			for _, c := range s.post.asked {
				if c.Type != action || c.Email != id+"@a.org" || c.MailID != id || len(c.ID) < 16 || c.At.IsZero() {
					t.Errorf("%s %s asked for %+v", action, state, c)
				}
			}
		}
	}
}

func TestRetry_OfAMailThatCannotBeSent_SaysWhy(t *testing.T) {
	s := newSite(t)
	s.mailed("ada@a.org",
		api.Mail{ID: "overtaken", State: "failed", VerificationID: "v"}, api.Mail{ID: "later", State: "failed", VerificationID: "v"},
		api.Mail{ID: "late", State: "failed", Deadline: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)})
	s.mailed("bob@a.org", api.Mail{ID: "suppressed", State: "failed"})
	s.refusing["bob@a.org"] = api.Suppression{At: time.Now(), Reply: "550 no"}
	do := s.internal(nil)
	for id, detail := range map[string]string{
		"overtaken":  "a later mail of its verification came",
		"late":       "its time ran out at 2026-01-31T12:00:00Z",
		"suppressed": "its address is suppressed, and must be taken off that list first (mail unsuppress)",
	} {
		if a := do(http.MethodPost, "/mails/"+id+"/retry"); a.status != http.StatusConflict || a.json(t)["code"] != "mail_retry_refused" || a.json(t)["detail"] != detail {
			t.Errorf("%s: %d %s", id, a.status, a.body)
		}
	}
	if a := do(http.MethodPost, "/mails/later/retry"); a.status != http.StatusAccepted {
		t.Errorf("the later one: %d %s", a.status, a.body)
	}
}

func TestRetry_BesideAnOlderMailThatCameLater_IsPossible(t *testing.T) {
	s := newSite(t)
	do := s.internal(nil)
	for _, state := range []string{"superseded", "expired"} { // what the outbox decides of one when it comes
		email := state + "@a.org"
		s.mailed(email, api.Mail{ID: state + " newer", State: "failed", VerificationID: "v"}, api.Mail{ID: state + " older", State: state, VerificationID: "v"})
		if a := do(http.MethodPost, "/mails/"+state+"%20newer/retry"); a.status != http.StatusAccepted {
			t.Errorf("beside one that is %s: %d %s", state, a.status, a.body)
		}
	}
	s.mailed("ada@a.org", api.Mail{ID: "first", State: "failed", VerificationID: "v"}, api.Mail{ID: "second", State: "superseded", VerificationID: "v"},
		api.Mail{ID: "third", State: "sent", VerificationID: "v"})
	if a := do(http.MethodPost, "/mails/first/retry"); a.status != http.StatusConflict {
		t.Errorf("before one that superseded another: %d %s", a.status, a.body)
	}
}

func TestMailCommand_ThatIsNotTaken_SaysWhatIsKnown(t *testing.T) {
	s := newSite(t)
	s.mailed("ada@a.org", api.Mail{ID: "1"})
	s.refusing["bob@a.org"] = api.Suppression{At: time.Now(), Reply: "550 no"}
	do := s.internal(nil)
	for code, err := range map[string]error{"unavailable": api.ErrUnavailable, "overloaded": api.ErrOverloaded, "outcome_unknown": api.ErrOutcomeUnknown} {
		s.set(func(f *fold) { f.sendErr = err })
		for path, method := range map[string]string{
			"/mails/1/retry": http.MethodPost, "/mails/1/cancel": http.MethodPost, "/suppressions/bob@a.org": http.MethodDelete,
		} {
			if a := do(method, path); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != code || a.header.Get("Retry-After") == "" {
				t.Errorf("%s, %v: %d %s", path, err, a.status, a.body)
			}
		}
	}
}
