package e2e

// Nobody learns who has an account (OWASP ASVS 5.0 6.3.8; docs/oracle.md):
//   - who registers an address sees the same whatever is known of it, in that call and in all that its handle allows;
//   - register, resend and dispute are answered alike for every handle, also for one from before;
//   - what a handle from before tells to guess and to look is a table, and no more than it says.

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/user"
)

func TestOracle(t *testing.T) {
	s := start(t, map[string]string{"RATE_LIMIT": "off"})
	s.keepsTimes(t)
	t.Run("WhoRegistersAnAddress_SeesTheSameWhateverIsKnownOfIt", func(t *testing.T) { strangersSeeTheSame(t, s) })
	t.Run("WhoFillsInTheForms_SeesTheSameWhateverIsKnownOfTheAddress", func(t *testing.T) { formsShowTheSame(t, s) })
	t.Run("AHandleFromBefore_TellsNoMoreThanTheTable", func(t *testing.T) { olderHandlesTell(t, s) })
}

// Guesses that have the form of one, and are next to never right.
var (
	wrongToken = strings.Repeat("A", 22)
	wrongCode  = "000000"
)

// visit is what somebody asks one after the other, and all that came back.
type visit struct {
	s         *system
	email     string
	handle    string // of the answer seen last
	reference string // its
	seen      strings.Builder
}

// ask sends a request, expects that status, and notes all of the answer.
func (v *visit) ask(t *testing.T, want int, method, path, contentType, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.s.api(0).public(path), strings.NewReader(body))
	check(t, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := client.Do(r)
	check(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	if response.StatusCode != want {
		t.Errorf("%s %s: %s %s", method, path, response.Status, text)
	}
	var header strings.Builder
	check(t, response.Header.Write(&header)) // sorted by name
	if handle := sealed.Find(text); handle != nil {
		v.handle = string(handle)
		_, h := opened(t, v.handle)
		v.reference = user.Reference(h.VerificationID)
	}
	fmt.Fprintln(&v.seen, method, v.mask(path), response.Status, v.mask(header.String()), v.mask(string(text)))
}

// calls sends a call of the API.
func (v *visit) calls(t *testing.T, want int, path string, fields ...string) {
	t.Helper()
	v.ask(t, want, http.MethodPost, path, "application/json", object(fields...))
}

// submits sends a form of the pages.
func (v *visit) submits(t *testing.T, want int, path string, fields ...string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	v.ask(t, want, http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// looks asks for the verification, as soon as that shows what was registered: the view follows.
func (v *visit) looks(t *testing.T) {
	t.Helper()
	path := "/api/verifications/" + v.handle
	if !eventually(t.Context(), answerWithin, func() bool {
		_, shown := get(t.Context(), v.s.api(0).public(path))
		return strings.Contains(shown, "first_name")
	}) {
		t.Fatal("the registration is not shown")
	}
	v.ask(t, http.StatusOK, http.MethodGet, path, "", "")
}

var sealed = regexp.MustCompile(`1~e2e~[A-Za-z0-9_-]+`)

// masked are ids, handles, keys and times, with the address and the reference. Their lengths are not.
var masked = []*regexp.Regexp{
	sealed,
	regexp.MustCompile(`(?m)^Date: .*$`),
	regexp.MustCompile(`(?m)^Idempotency-Key: .*$`),
	regexp.MustCompile(`name="idempotency_key" value="[^"]*"`),
	regexp.MustCompile(`"expires_in":\d+`),
	regexp.MustCompile(`data-wait="\d+"`),
	regexp.MustCompile(`\d+ (seconds|Sekunden)`),
}

func (v *visit) mask(text string) string {
	text = strings.NewReplacer(
		v.email, strings.Repeat("@", len(v.email)), ">"+v.reference+"<", ">###<", `"`+v.reference+`"`, `"###"`,
	).Replace(text)
	for _, m := range masked {
		text = m.ReplaceAllStringFunc(text, func(found string) string { return strings.Repeat("#", len(found)) })
	}
	return text
}

// sameForAll has a visitor of an address of each class do the same, and expects that all see the same.
func sameForAll(t *testing.T, s *system, act func(*visit)) {
	t.Helper()
	histories := map[string]*history{}
	for class := range classes {
		histories[class] = newHistory(t, class)
	}
	s.live(t, slices.Collect(maps.Values(histories))...)
	seen := map[string]string{}
	for class, h := range histories {
		v := &visit{s: s, email: h.address, handle: h.handle}
		act(v)
		seen[class] = v.seen.String()
	}
	for class, text := range seen {
		if text != seen[unknown] {
			t.Errorf("%s and %s are told apart:\n%s", class, unknown, difference(text, seen[unknown]))
		}
	}
}

// difference returns the first lines in which two texts differ.
func difference(a, b string) string {
	one, other := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			return one[i] + "\n" + other[i]
		}
	}
	return "one goes on where the other ends"
}

func strangersSeeTheSame(t *testing.T, s *system) {
	sameForAll(t, s, func(v *visit) {
		v.calls(t, 202, "/api/register", "email", v.email, "first_name", "Eve", "locale", "en")
		v.looks(t)
		v.calls(t, 202, "/api/resend", "verification_id", v.handle)
		v.looks(t)
		v.calls(t, 422, "/api/verify", "verification_id", v.handle, "token", wrongToken)
		for range user.DefaultPolicy().Tries {
			v.calls(t, 422, "/api/verify", "verification_id", v.handle, "code", wrongCode)
			v.looks(t)
		}
		v.calls(t, 429, "/api/verify", "verification_id", v.handle, "code", wrongCode)
		v.calls(t, 202, "/api/resend", "verification_id", v.handle)
		v.calls(t, 202, "/api/dispute", "verification_id", v.handle, "token", wrongToken)
		v.looks(t)
	})
}

func formsShowTheSame(t *testing.T, s *system) {
	sameForAll(t, s, func(v *visit) {
		v.submits(t, 200, "/register", "email", v.email, "first_name", "Eve")
		v.looks(t)
		v.submits(t, 200, "/show", "step", "code", "verification_id", v.handle, "language", "de")
		v.submits(t, 200, "/show", "step", "link", "verification_id", v.handle, "token", wrongToken)
		v.submits(t, 200, "/resend", "verification_id", v.handle)
		v.submits(t, 422, "/verify", "verification_id", v.handle, "token", wrongToken)
		for range user.DefaultPolicy().Tries {
			v.submits(t, 422, "/verify", "verification_id", v.handle, "code", wrongCode)
		}
		v.submits(t, 429, "/verify", "verification_id", v.handle, "code", wrongCode)
		v.submits(t, 429, "/resend", "verification_id", v.handle) // no tries are left: back to the start
		v.submits(t, 200, "/dispute", "verification_id", v.handle, "token", wrongToken)
	})
}

// olderHandles is what a handle from before tells of each class of address, and by what operators know the class.
var olderHandles = []struct {
	class, status, guess, known string
}{
	{unknown, "pending", "code_expired", `"user_not_found"`}, // its registration was lost, or is not read yet
	{"pending", "pending", "code_invalid", `"status":"pending"`},
	{"limited", "pending", "code_invalid", `"mails_last_hour":5`},
	{"locked", "pending", "code_invalid", `"locked_until"`},
	{"expired", "expired", "code_expired", `"status":"pending"`},
	{"verified", "expired", "code_expired", `"status":"verified"`},
	{"erased", "expired", "code_expired", `"user_not_found"`},
	{"disputed", "expired", "code_expired", `"mail_stopped_until"`},
}

func olderHandlesTell(t *testing.T, s *system) {
	if len(olderHandles) != len(classes) {
		t.Fatalf("%d classes of %d", len(olderHandles), len(classes))
	}
	sameForAll(t, s, func(v *visit) {
		v.calls(t, 202, "/api/resend", "verification_id", v.handle)
		v.calls(t, 202, "/api/dispute", "verification_id", v.handle, "token", wrongToken)
		v.calls(t, 202, "/api/register", "email", v.email, "first_name", "Eve")
	})
	for _, older := range olderHandles {
		h := newHistory(t, older.class)
		s.live(t, h)
		_, shown := get(t.Context(), s.api(0).public("/api/verifications/"+h.handle))
		if _, known := get(t.Context(), s.api(0).internal("/users/"+url.PathEscape(h.address))); !strings.Contains(known, older.known) {
			t.Errorf("%s is known as %s", older.class, known)
		}
		for guess, wrong := range map[string]string{"code": wrongCode, "token": wrongToken} {
			a := post(t.Context(), s.api(0).public("/api/verify"), nil, map[string]any{"verification_id": h.handle, guess: wrong})
			if !strings.Contains(shown, `"status":"`+older.status+`"`) || a.text("code") != older.guess {
				t.Errorf("%s: shows %s, answers a wrong %s with %v", older.class, shown, guess, a.body)
			}
		}
	}
}
