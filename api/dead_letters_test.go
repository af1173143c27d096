package api_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/api"
)

// shelf holds dead letters as their topic would, in the order of their ids.
type shelf struct {
	letters []api.DeadLetter
	given   []string // back, in this order
	err     error    // what every call answers
}

func (s *shelf) After(id string) iter.Seq2[api.DeadLetter, error] {
	return func(yield func(api.DeadLetter, error) bool) {
		if s.err != nil {
			yield(api.DeadLetter{}, s.err)
			return
		}
		for _, d := range s.letters {
			if d.ID > id && !yield(d, nil) {
				return
			}
		}
	}
}

func (s *shelf) Get(id string) (api.DeadLetter, bool, error) {
	i, found := slices.BinarySearchFunc(s.letters, id, func(d api.DeadLetter, id string) int { return cmp.Compare(d.ID, id) })
	if !found {
		return api.DeadLetter{}, false, s.err
	}
	return s.letters[i], true, s.err
}

func (s *shelf) Retry(_ context.Context, ids ...string) (map[string]api.NotRetried, error) {
	not := map[string]api.NotRetried{}
	for _, id := range ids {
		d, found, _ := s.Get(id)
		switch {
		case !found:
			not[id] = api.NotRetried{Why: "there is none"}
		case d.State != api.LetterOpen:
			not[id] = api.NotRetried{State: d.State, Why: "because"}
		case s.err == nil:
			s.given = append(s.given, id)
		}
	}
	return not, s.err
}

// put puts letters on the shelf, each with a key, a value and a stack of its own.
func (s *shelf) put(states ...string) {
	for _, state := range states {
		n := len(s.letters)
		value := fmt.Sprint("value ", n)
		s.letters = append(s.letters, api.DeadLetter{
			ID: fmt.Sprintf("%04d", n), State: state, Topic: fmt.Sprint("topic", n%2), Reason: "no JSON", FailedAt: time.Now(),
			Key: "ada@example.com", Value: &value, Stack: "stack",
		})
	}
}

func TestDeadLetters_AreListedLatestFirst_WithoutKeysAndValues(t *testing.T) {
	s := newSite(t)
	s.shelf.put(slices.Repeat([]string{api.LetterOpen}, 150)...)
	do := s.internal(nil)
	for query, want := range map[string]struct {
		n     int
		first string
		more  bool
	}{
		"":                               {100, "0149", true},
		"?limit=2":                       {2, "0149", true},
		"?limit=1000":                    {150, "0149", false},
		"?topic=topic0":                  {75, "0148", false},
		"?reason=JSON&topic=topic0":      {75, "0148", false},
		"?reason=panic":                  {0, "", false},
		"?limit=50&topic=topic1":         {50, "0149", true},
		"?limit=75&topic=topic1&reason=": {75, "0149", false},
	} {
		a := do(http.MethodGet, "/dead-letters"+query)
		body := a.json(t)
		letters, _ := body["dead_letters"].([]any)
		if a.status != http.StatusOK || len(letters) != want.n || body["more"] != want.more || want.n > 0 && letters[0].(map[string]any)["id"] != want.first {
			t.Errorf("%s: %d, %d letters, more %v", query, a.status, len(letters), body["more"])
		}
		for _, personal := range []string{"ada@", "value", "stack"} {
			if strings.Contains(a.body, personal) {
				t.Fatalf("%s shows the %s", query, personal)
			}
		}
	}
	for _, limit := range []string{"0", "1001", "many"} {
		if a := do(http.MethodGet, "/dead-letters?limit="+limit); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "parameter_invalid" {
			t.Errorf("limit %s: %d %s", limit, a.status, a.body)
		}
	}
}

func TestDeadLetter_IsShownWhole(t *testing.T) {
	s := newSite(t)
	s.shelf.put(api.LetterOpen)
	do := s.internal(nil)
	a := do(http.MethodGet, "/dead-letters/0000")
	if body := a.json(t); body["key"] != "ada@example.com" || body["value"] != "value 0" || body["stack"] != "stack" {
		t.Errorf("shown: %s", a.body)
	}
	if a := do(http.MethodGet, "/dead-letters/0001"); a.status != http.StatusNotFound || a.json(t)["code"] != "dead_letter_not_found" {
		t.Errorf("unknown: %d %s", a.status, a.body)
	}
}

func TestRetry_SaysWhatBecameOfTheLetter(t *testing.T) {
	s := newSite(t)
	s.shelf.put(api.LetterOpen, api.LetterRetried, api.LetterRefused)
	do := s.internal(nil)
	for id, want := range map[string]struct {
		status int
		code   any
	}{
		"0000": {http.StatusOK, nil},
		"0001": {http.StatusConflict, "dead_letter_retried"},
		"0002": {http.StatusConflict, "dead_letter_refused"},
		"0003": {http.StatusNotFound, "dead_letter_not_found"},
	} {
		if a := do(http.MethodPost, "/dead-letters/"+id+"/retry"); a.status != want.status || a.json(t)["code"] != want.code {
			t.Errorf("%s: %d %s", id, a.status, a.body)
		}
	}
	for code, err := range map[string]error{"unavailable": api.ErrUnavailable, "outcome_unknown": api.ErrOutcomeUnknown} {
		s.shelf.err = err
		if a := do(http.MethodPost, "/dead-letters/0000/retry"); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != code {
			t.Errorf("%v: %d %s", err, a.status, a.body)
		}
	}
	s.shelf.err = errors.New("still reading")
	for _, path := range []string{"/dead-letters", "/dead-letters/0000"} {
		if a := do(http.MethodGet, path); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestRetry_OfAll_GoesFromTheOldestOn_InPortions(t *testing.T) {
	s := newSite(t)
	s.shelf.put(slices.Repeat([]string{api.LetterOpen, api.LetterOpen, api.LetterRetried, api.LetterRefused}, 75)...)
	do := s.internal(nil)
	var portions []int
	for next, more := "", true; more; {
		a := do(http.MethodPost, "/dead-letters/retry?after="+next)
		body := a.json(t)
		ids, _ := body["retried"].([]any)
		portions = append(portions, len(ids))
		next, more = body["next"].(string)
	}
	if !slices.Equal(portions, []int{100, 50}) || len(s.shelf.given) != 150 || !slices.IsSorted(s.shelf.given) {
		t.Errorf("portions %v, given back %v", portions, s.shelf.given)
	}
	if a := do(http.MethodPost, "/dead-letters/retry?topic=nothing"); a.status != http.StatusOK || len(s.shelf.given) != 150 {
		t.Errorf("of no letter: %d %s", a.status, a.body)
	}
}
