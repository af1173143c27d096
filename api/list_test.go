package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"countersign/user"
)

// listed asks for a page, and returns its addresses and what comes next.
func listed(t *testing.T, do func(string, string, ...string) answer, query string) (emails []string, next string) {
	t.Helper()
	a := do(http.MethodGet, "/users"+query)
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", query, a.status, a.body)
	}
	body := a.json(t)
	for _, u := range body["users"].([]any) {
		emails = append(emails, u.(map[string]any)["email"].(string))
	}
	next, _ = body["next"].(string)
	return emails, next
}

// populate puts rows into the table, each with the status behind its address.
func (s *site) populate(rows ...string) {
	s.set(func(f *fold) {
		for i := 0; i < len(rows); i += 2 {
			f.states[rows[i]] = user.State{Email: rows[i], Status: user.Status(rows[i+1]), Version: 1}
		}
	})
}

func TestUsers_AreListedByPrefixAndStatus(t *testing.T) {
	s := newSite(t)
	s.populate("ada@a.org", "verified", "adam@a.org", "pending", "bob@a.org", "", "cy@a.org", "deleted", "dan@a.org", "pending")
	do := s.internal(nil)
	for query, want := range map[string][]string{
		"":                             {"ada@a.org", "adam@a.org", "dan@a.org"},
		"?prefix=ada":                  {"ada@a.org", "adam@a.org"},
		"?prefix=%20ADA@":              {"ada@a.org"},
		"?status=pending":              {"adam@a.org", "dan@a.org"},
		"?status=verified":             {"ada@a.org"},
		"?status=none":                 {"bob@a.org"},
		"?status=pending&after=b":      {"dan@a.org"},
		"?status=verified&prefix=bob":  nil,
		"?prefix=cy":                   nil,
		"?after=dan@a.org":             nil,
		"?after=dan@a.org&prefix=adam": nil,
	} {
		if got, next := listed(t, do, query); !slices.Equal(got, want) || next != "" {
			t.Errorf("%q: %v, next %q, want %v", query, got, next, want)
		}
	}
	for _, query := range []string{"?status=deleted", "?status=sleepy", "?limit=0", "?limit=1001", "?limit=all"} {
		if a := do(http.MethodGet, "/users"+query); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "parameter_invalid" {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	s.set(func(f *fold) { f.readErr = errors.New("still reading") })
	if a := do(http.MethodGet, "/users"); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
		t.Errorf("unreadable: %d %s", a.status, a.body)
	}
}

func TestUsers_ListedPageByPage_ShowEachRowOnce_WhateverChangesMeanwhile(t *testing.T) {
	s := newSite(t)
	for i := range 250 {
		s.populate(fmt.Sprintf("u%03d@a.org", i), "pending")
	}
	do := s.internal(nil)
	var all []string
	for page, next := 0, ""; page == 0 || next != ""; page++ {
		var emails []string
		emails, next = listed(t, do, "?limit=100&after="+url.QueryEscape(next))
		all = append(all, emails...)
		s.set(func(f *fold) { // what is behind is gone, what was before comes
			delete(f.states, "u099@a.org")
			f.states["a@a.org"] = user.State{Email: "a@a.org", Status: user.StatusPending}
		})
	}
	if !slices.IsSorted(all) || len(all) != 250 || len(slices.Compact(all)) != 250 {
		t.Errorf("%d rows: %v", len(all), all)
	}
}

func TestUsers_OfARareStatus_ComeInShortPages(t *testing.T) {
	s := newSite(t)
	const rows = 25_000
	for i := range rows {
		s.populate(fmt.Sprintf("u%05d@a.org", i), "pending")
	}
	s.populate("z@a.org", "verified")
	do := s.internal(nil)
	pages, found := 0, []string(nil)
	for next := ""; pages == 0 || next != ""; pages++ {
		var emails []string
		emails, next = listed(t, do, "?status=verified&after="+url.QueryEscape(next))
		found = append(found, emails...)
	}
	if pages != 3 || !slices.Equal(found, []string{"z@a.org"}) {
		t.Errorf("%d pages: %v", pages, found)
	}
}

// Whatever is asked for, a page holds what it was asked for, in order, behind the place it was asked from.
func FuzzUsers_Page(f *testing.F) {
	f.Add("a", "ada@a.org", "2", "pending")
	f.Add(" ADA@", "", "0", "")
	f.Add("\xff", "%00", "-1", "none")
	f.Add("", "b", "9999999999999999999999", "deleted")
	s := newHandler(f)
	s.populate("ada@a.org", "verified", "adam@a.org", "pending", "bob@a.org", "", "cy@a.org", "deleted", "dan@a.org", "pending")
	inside := s.inside(nil)
	f.Fuzz(func(t *testing.T, prefix, after, limit, status string) {
		query := url.Values{"prefix": {prefix}, "after": {after}, "limit": {limit}, "status": {status}}
		a := ask(t, inside, http.MethodGet, "/users?"+query.Encode(), "127.0.0.1:1", "")
		if a.status != http.StatusOK && a.status != http.StatusUnprocessableEntity {
			t.Fatalf("%v: %d %s", query, a.status, a.body)
		}
		users, _ := a.json(t)["users"].([]any)
		last := after
		for _, u := range users {
			email := u.(map[string]any)["email"].(string)
			if email <= last || !strings.HasPrefix(email, strings.ToLower(strings.TrimSpace(prefix))) {
				t.Fatalf("%v shows %s behind %q", query, email, last)
			}
			last = email
		}
	})
}
