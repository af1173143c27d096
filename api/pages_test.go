package api_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var hidden = regexp.MustCompile(`type="hidden" name="(\w+)" value="([^"]*)"`)

// hiddenOf returns the hidden fields of the page's first form.
func hiddenOf(page string) url.Values {
	form, _, _ := strings.Cut(page, "</form>")
	fields := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(form, -1) {
		fields.Set(m[1], m[2])
	}
	return fields
}

// submit sends a form as a browser without JavaScript does.
func (s *site) submit(path string, fields url.Values) answer {
	s.t.Helper()
	return s.do(http.MethodPost, path, "application/x-www-form-urlencoded", "", fields.Encode())
}

// fill adds what a person types.
func fill(fields url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

func TestPages_WithoutJavaScript_RegisterMistypeAndVerify(t *testing.T) {
	s := newSite(t)
	start := s.do(http.MethodGet, "/", "", "", "")
	a := s.submit("/register", fill(hiddenOf(start.body), "email", "Ada@Example.com", "first_name", "Ada", "last_name", ""))
	if a.status != http.StatusOK || !strings.Contains(a.body, "ada@example.com") {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	code := s.lastCode()
	a = s.submit("/verify", fill(hiddenOf(a.body), "code", wrongCode(code)))
	if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "You have 4 tries left.") || !strings.Contains(a.body, "aria-invalid") {
		t.Fatalf("mistyped: %d %s", a.status, a.body)
	}
	a = s.submit("/verify", fill(hiddenOf(a.body), "code", code[:3]+" "+code[3:]))
	if a.status != http.StatusOK || !strings.Contains(a.body, "Address verified") {
		t.Fatalf("verify: %d %s", a.status, a.body)
	}
}

func TestPages_AFormSentTwice_IsOneRegistration(t *testing.T) {
	s := newSite(t)
	form := fill(hiddenOf(s.do(http.MethodGet, "/", "", "", "").body), "email", "ada@example.com", "first_name", "Ada")
	s.submit("/register", form)
	s.submit("/register", form)
	if sent := s.sent(); sent[0].ID != sent[1].ID {
		t.Error("a double click is two registrations")
	}
}

func TestPages_Resend_IsAnotherCommandEachTime(t *testing.T) {
	s := newSite(t)
	a := s.submit("/register", url.Values{"email": {"ada@example.com"}, "first_name": {"Ada"}})
	for range 2 {
		_, again, _ := strings.Cut(a.body, `action="/resend"`)
		if a = s.submit("/resend", hiddenOf(again)); a.status != http.StatusOK || !strings.Contains(a.body, `data-wait="60"`) {
			t.Fatalf("resend: %d %s", a.status, a.body)
		}
	}
	if sent := s.sent(); len(sent) != 3 || sent[1].ID == sent[2].ID {
		t.Errorf("sent %+v", sent)
	}
}

func TestPages_TheMailsLink_ShowsWhomItIsForAndWaitsForAClick(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	link := url.Values{"step": {"paste"}, "link": {"https://sign.example/#" + id + "." + s.lastToken()}}
	a := s.submit("/show", link)
	if a.status != http.StatusOK || !strings.Contains(a.body, "ada@example.com") || len(s.sent()) != 1 {
		t.Fatalf("opened: %d, %d commands, %s", a.status, len(s.sent()), a.body)
	}
	if a = s.submit("/verify", hiddenOf(a.body)); a.status != http.StatusOK || !strings.Contains(a.body, "Address verified") {
		t.Fatalf("clicked: %d %s", a.status, a.body)
	}
	if a = s.submit("/show", link); !strings.Contains(a.body, "Address verified") {
		t.Errorf("opened again: %d %s", a.status, a.body)
	}
}

func TestPages_TheOtherLink_ShowsWhatItDoesAndWaitsForAClick(t *testing.T) {
	s := newSite(t)
	id, code := s.register("ada@example.com")
	a := s.submit("/show", url.Values{"step": {"paste"}, "link": {"https://sign.example/dispute#" + id + ".\r\n " + s.lastDispute()}})
	if a.status != http.StatusOK || !strings.Contains(a.body, "ada@example.com") || !strings.Contains(a.body, `action="/dispute"`) || len(s.sent()) != 1 {
		t.Fatalf("opened: %d, %d commands, %s", a.status, len(s.sent()), a.body)
	}
	form := hiddenOf(a.body)
	s.set(func(f *fold) { f.sendErr = errors.New("away") })
	if a = s.submit("/dispute", form); a.status != http.StatusServiceUnavailable || hiddenOf(a.body).Get("idempotency_key") != form.Get("idempotency_key") || hiddenOf(a.body).Get("token") == "" {
		t.Fatalf("away: %d %s", a.status, a.body)
	}
	s.set(func(f *fold) { f.sendErr = nil })
	for range 2 {
		if a = s.submit("/dispute", form); a.status != http.StatusOK || !strings.Contains(a.body, "Thank you for telling us") {
			t.Fatalf("clicked: %d %s", a.status, a.body)
		}
	}
	if a := s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code}); a.status != http.StatusGone {
		t.Errorf("verify: %d %s", a.status, a.body)
	}
}

func TestPages_ALinkThatIsNotWhole_IsAskedForAgain(t *testing.T) {
	s := newSite(t)
	id, _ := s.register("ada@example.com")
	for _, link := range []string{"x", "https://sign.example/", "https://sign.example/#" + id, "https://sign.example/dispute#" + id + ".", "https://sign.example/dispute#x." + s.lastDispute()} {
		a := s.submit("/show", url.Values{"step": {"paste"}, "link": {link}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `role="alert"`) || !strings.Contains(a.body, `value="`+link+`"`) {
			t.Errorf("%s: %d %s", link, a.status, a.body)
		}
	}
	if sent := len(s.sent()); sent != 1 {
		t.Errorf("%d commands", sent)
	}
}

func TestPages_AfterTheLastTry_LeadBackToTheStart(t *testing.T) {
	s := newSite(t)
	a := s.submit("/register", url.Values{"email": {"ada@example.com"}, "first_name": {"Ada"}})
	wrong := wrongCode(s.lastCode())
	for range 5 {
		form := hiddenOf(a.body)
		form.Del("idempotency_key") // as if each were typed on a page of its own
		a = s.submit("/verify", fill(form, "code", wrong))
	}
	if !strings.Contains(a.body, "no tries are left") || !strings.Contains(a.body, `action="/register"`) || !strings.Contains(a.body, `value="ada@example.com"`) {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestPages_OfAVerificationWithoutTries_SayThatNoneAreLeft(t *testing.T) {
	s := newSite(t)
	a := s.submit("/register", url.Values{"email": {"ada@example.com"}, "first_name": {"Ada"}})
	form, token := hiddenOf(a.body), s.lastToken()
	id, wrong := form.Get("verification_id"), wrongCode(s.lastCode())
	for range 5 {
		s.call("/api/verify", "", map[string]string{"verification_id": id, "code": wrong})
	}
	for _, path := range []string{"/show", "/resend", "/verify"} {
		form.Del("idempotency_key")
		a := s.submit(path, fill(form, "code", wrong, "language", "de"))
		if a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "Bitte beginnen Sie von vorn.") || !strings.Contains(a.body, `action="/register"`) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	a = s.submit("/show", url.Values{"step": {"link"}, "verification_id": {id}, "token": {token}})
	if a.status != http.StatusOK || !strings.Contains(a.body, "Verify your address") {
		t.Errorf("the link: %d %s", a.status, a.body)
	}
}

func TestPages_LoadedAgainOrKeptAsABookmark_BeginAnew(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/register", "/verify", "/resend", "/show"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := s.ask(method, path, "192.0.2.1:1", "")
			if a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
				t.Errorf("%s %s: %d %v", method, path, a.status, a.header)
			}
		}
	}
}

func TestPages_SeveralWrongFields_AreEachDescribedByASentenceOfTheirOwn(t *testing.T) {
	s := newSite(t)
	a := s.submit("/register", url.Values{"email": {"ada"}, "first_name": {""}, "last_name": {"J.R."}})
	if strings.Count(a.body, `role="alert"`) != 1 || strings.Count(a.body, " autofocus") != 1 || len(s.sent()) != 0 {
		t.Errorf("alerts or focus: %s", a.body)
	}
	for name, sentence := range map[string]string{
		"email": "This address does not look right.", "first_name": "Please give a first name:", "last_name": "A last name has",
	} {
		_, input, _ := strings.Cut(a.body, `<input id="`+name+`"`)
		input, _, _ = strings.Cut(input, ">")
		if !strings.Contains(a.body, `<p id="wrong-`+name+`">`+sentence) || !strings.Contains(input, ` aria-describedby="wrong-`+name+`"`) ||
			strings.Contains(input, " autofocus") != (name == "email") {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

func TestPages_WhenNotAvailable_KeepTheFormAndItsKey(t *testing.T) {
	s := newSite(t)
	form := fill(hiddenOf(s.do(http.MethodGet, "/", "", "", "").body), "email", "ada@example.com", "first_name", "Ada")
	s.set(func(f *fold) { f.sendErr = errors.New("away") })
	a := s.submit("/register", form)
	if a.status != http.StatusServiceUnavailable || hiddenOf(a.body).Get("idempotency_key") != form.Get("idempotency_key") || !strings.Contains(a.body, `value="ada@example.com"`) {
		t.Errorf("register: %d %s", a.status, a.body)
	}
	s.set(func(f *fold) { f.sendErr = nil })
	a = s.submit("/register", form)
	form = fill(hiddenOf(a.body), "code", s.lastCode())
	s.set(func(f *fold) { f.sendErr = errors.New("away") })
	a = s.submit("/verify", form)
	if a.status != http.StatusServiceUnavailable || hiddenOf(a.body).Get("idempotency_key") != form.Get("idempotency_key") || !strings.Contains(a.body, `value="`+form.Get("code")+`"`) {
		t.Errorf("verify: %d %s", a.status, a.body)
	}
}

func TestPages_WhatIsTyped_IsShownAsText(t *testing.T) {
	s := newSite(t)
	a := s.submit("/register", url.Values{"email": {`"><script>alert(1)</script>`}, "first_name": {"Ada"}})
	if a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "<script>alert") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestPages_FormsOfOtherSites_AreRefused(t *testing.T) {
	s := newSite(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/register", strings.NewReader("email=ada@example.com&first_name=Ada"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := send(t, s.client, r); a.status != http.StatusForbidden || a.json(t)["code"] != "origin_forbidden" || len(s.sent()) != 0 {
		t.Errorf("got %d %s", a.status, a.body)
	}
}
