package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"countersign/api"
)

func limited(most int) func(*api.Config) {
	return func(c *api.Config) { c.RateLimit = most }
}

// ask asks the handler itself, without a network: in a bubble of synctest time passes at once.
func (s *site) ask(method, path, from, body string, header ...string) answer {
	s.t.Helper()
	return ask(s.t, s.handler, method, path, from, body, header...)
}

func ask(t testing.TB, h http.Handler, method, path, from, body string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "localhost"
	r.RemoteAddr = from
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

const registration = `{"email":"ada@example.com","first_name":"Ada"}`

func TestLimits_OneCommandTooMany_IsAProblemThatSaysWhenToComeAgain(t *testing.T) {
	for _, spread := range []time.Duration{0, time.Second, 7 * time.Second, 19 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newHandler(t, limited(3))
			for i := range 3 {
				time.Sleep(spread)
				a := s.ask(http.MethodPost, "/api/register", "192.0.2.1:1", registration)
				if a.status != http.StatusAccepted || !strings.HasPrefix(a.header.Get("RateLimit"), `"commands";r=`+strconv.Itoa(2-i)+";t=") {
					t.Fatalf("command %d: %d %v", i, a.status, a.header)
				}
			}
			a := s.ask(http.MethodPost, "/api/register", "192.0.2.1:2", registration)
			wait, err := strconv.Atoi(a.header.Get("Retry-After"))
			if a.status != http.StatusTooManyRequests || a.json(t)["code"] != "rate_limited" || err != nil || wait < 1 {
				t.Fatalf("too many: %d %v %s", a.status, a.header, a.body)
			}
			if a.header.Get("RateLimit-Policy") != `"commands";q=3;w=60` || a.header.Get("RateLimit") != `"commands";r=0;t=`+strconv.Itoa(wait) {
				t.Errorf("headers %v", a.header)
			}
			time.Sleep(time.Duration(wait-1) * time.Second)
			if a := s.ask(http.MethodPost, "/api/register", "192.0.2.1:3", registration); wait > 1 && a.status != http.StatusTooManyRequests {
				t.Errorf("a second earlier than said: %d", a.status)
			}
			time.Sleep(time.Second)
			if a := s.ask(http.MethodPost, "/api/register", "192.0.2.1:4", registration); a.status != http.StatusAccepted {
				t.Errorf("after %d s: %d %s", wait, a.status, a.body)
			}
			if len(s.sent()) != 4 {
				t.Errorf("%d commands were sent", len(s.sent()))
			}
		})
	}
}

func TestLimits_AreEachClientsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t, limited(1))
		for _, c := range []struct {
			from   string
			status int
		}{
			{"192.0.2.1:1", 202},
			{"192.0.2.1:2", 429},
			{"192.0.2.2:1", 202},
			{"[::ffff:192.0.2.2]:1", 429},
			{"[2001:db8:0:1::1]:1", 202},
			{"[2001:db8:0:1:ffff::2]:1", 429}, // the same /64
			{"[2001:db8:0:2::1]:1", 202},
		} {
			if a := s.ask(http.MethodPost, "/api/register", c.from, registration); a.status != c.status {
				t.Errorf("%s: %d %s", c.from, a.status, a.body)
			}
		}
	})
}

func TestLimits_OfQuestions_AreWiderAndOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t, limited(1))
		id, _ := s.registerFrom("192.0.2.1:1")
		for i := range 12 {
			path := "/api/verifications/" + id
			if i%2 == 1 {
				path = "/"
			}
			a := s.ask(http.MethodGet, path, "192.0.2.1:1", "")
			if (a.status == http.StatusOK) != (i < 10) || a.header.Get("RateLimit-Policy") != `"reads";q=10;w=60` {
				t.Errorf("question %d: %d %v", i, a.status, a.header)
			}
		}
	})
}

// registerFrom registers without a network.
func (s *site) registerFrom(client string) (id, code string) {
	s.t.Helper()
	a := s.ask(http.MethodPost, "/api/register", client, registration)
	if a.status != http.StatusAccepted {
		s.t.Fatalf("register: %d %s", a.status, a.body)
	}
	return a.json(s.t)["verification_id"].(string), s.lastCode()
}

func TestLimits_StandOnRefusalsToo(t *testing.T) {
	s := newHandler(t, limited(100))
	for _, body := range []string{"{", `{"email":"x"}`, `{"verification_id":"made-up","code":"123456"}`} {
		for _, path := range []string{"/api/register", "/api/verify"} {
			if a := s.ask(http.MethodPost, path, "192.0.2.1:1", body); a.header.Get("RateLimit") == "" || a.header.Get("RateLimit-Policy") == "" {
				t.Errorf("%s %s: %d %v", path, body, a.status, a.header)
			}
		}
	}
}

func TestLimits_Off_SayNothing(t *testing.T) {
	s := newHandler(t)
	for range 1000 {
		if a := s.ask(http.MethodPost, "/api/verify", "192.0.2.1:1", "{}"); a.status != http.StatusUnprocessableEntity || a.header.Get("RateLimit") != "" {
			t.Fatalf("got %d %v", a.status, a.header)
		}
	}
}

func TestLimits_OfForms_AreAnsweredByTheFormsOwnPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newHandler(t, limited(1))
		id, code := s.registerFrom("192.0.2.1:1")
		post := func(path string, fields url.Values) answer {
			return s.ask(http.MethodPost, path, "192.0.2.1:1", fields.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		}
		for path, fields := range map[string]url.Values{
			"/register": {"email": {"eve@example.com"}, "first_name": {"Eve"}, "idempotency_key": {someKey}},
			"/verify":   {"verification_id": {id}, "code": {code}, "idempotency_key": {someKey}},
		} {
			a := post(path, fields)
			if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, `role="alert"`) {
				t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
			}
			if typed := regexp.MustCompile(`value="(eve@example.com|` + code + `)"`); !typed.MatchString(a.body) || hiddenOf(a.body).Get("idempotency_key") != someKey {
				t.Errorf("%s forgets what was typed: %s", path, a.body)
			}
		}
		if a := post("/resend", url.Values{"verification_id": {id}}); a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "ada@example.com") {
			t.Errorf("resend: %d %s", a.status, a.body)
		}
		if len(s.sent()) != 1 {
			t.Errorf("%d commands were sent", len(s.sent()))
		}
	})
}

func TestInFlight_BeyondTheMost_IsOverloaded(t *testing.T) {
	s := newSite(t, func(c *api.Config) { c.MaxInFlight = 1 })
	id, code := s.register("ada@example.com")
	s.set(func(f *fold) { f.lost = true }) // so the guess waits for its outcome
	waiting := make(chan answer, 1)
	go func() {
		waiting <- s.call("/api/verify", "", map[string]string{"verification_id": id, "code": code})
	}()
	var a answer
	for len(s.sent()) < 2 {
		time.Sleep(time.Millisecond)
	}
	a = s.call("/api/resend", "", map[string]string{"verification_id": id})
	if a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "overloaded" || a.header.Get("Retry-After") == "" {
		t.Errorf("got %d %v %s", a.status, a.header, a.body)
	}
	if a = s.do(http.MethodGet, "/api/verifications/"+id, "", "", ""); a.status != http.StatusOK {
		t.Errorf("a question: %d %s", a.status, a.body)
	}
	s.set(func(f *fold) {
		f.lost = false
		f.apply(f.commands[1])
	})
	if a = <-waiting; a.status != http.StatusOK {
		t.Errorf("the guess: %d %s", a.status, a.body)
	}
}
