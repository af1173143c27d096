package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"countersign/user"
)

// decided are the refusals that are an outcome: all others come before a command.
var decided = map[any]bool{string(user.CodeInvalid): true, string(user.CodeExpired): true, string(user.TooManyAttempts): true}

// Whatever is sent, the answer is no fault of ours; what is refused reaches no topic, what is taken is a whole command.
func FuzzCalls_Body(f *testing.F) {
	const taken = `{"email":"ada@example.com","first_name":"Ada","last_name":"King","locale":"en"}`
	for _, body := range []string{
		taken, "", "null", "[]", "{}", "{}{}", taken + "x", strings.Replace(taken, "{", `{"email":"b@example.com",`, 1), `{"email":1}`, `{"email":null}`, "\ufeff{}",
		`{"EMAIL":"ada@example.com"}`, `{"email":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "}", `{"\u0065mail":"\u0061@example.com","first_name":"A"}`, "{\"\xff\":\"\"}",
	} {
		f.Add(0, "application/json", []byte(body))
	}
	f.Add(0, "text/plain", []byte(taken))
	f.Add(0, "application/json; charset=utf-8", []byte(taken))
	paths := []string{"/api/register", "/api/verify", "/api/resend", "/api/dispute"}
	for i, body := range []string{
		`{"verification_id":"HANDLE","code":"123456"}`, `{"verification_id":"HANDLE"}`, `{"verification_id":"HANDLE","token":"AAAAAAAAAAAAAAAAAAAAAA"}`,
	} {
		f.Add(i+1, "application/json", []byte(body))
		f.Add(i+1, "application/json", []byte(strings.Replace(body, "HANDLE", "made up", 1)))
		f.Add(i+1, "application/json", []byte(strings.Replace(body, "HANDLE", "HANDLE~", 1)))
	}
	s := newSite(f)
	id, _ := s.register("ada@example.com")
	f.Fuzz(func(t *testing.T, call int, contentType string, body []byte) {
		body = []byte(strings.ReplaceAll(string(body), "HANDLE", id))
		path := paths[uint(call)%uint(len(paths))]
		a, sent := s.fed(t, path, string(body), "Content-Type", contentType)
		switch {
		case a.status >= http.StatusInternalServerError:
			t.Fatalf("%s answers %d %s", path, a.status, a.body)
		case a.status >= http.StatusBadRequest:
			if code := a.json(t)["code"]; len(sent) > 0 && !decided[code] {
				t.Fatalf("refused with %v, sent all the same: %+v", code, sent)
			}
		case len(sent) != 1 || sent[0].Validate() != nil || !isFlat(body):
			t.Fatalf("%s with %q answers %d and sends %+v", path, body, a.status, sent)
		}
	})
}

// fed asks without a network and returns the commands that were sent, too.
func (s *site) fed(t *testing.T, path, body string, header ...string) (answer, []user.Command) {
	s.t = t
	s.set(func(f *fold) { f.commands = nil })
	return s.ask(http.MethodPost, path, "192.0.2.1:1", body, header...), s.sent()
}

// isFlat says whether body is one JSON object of strings, each field once.
func isFlat(body []byte) bool {
	var fields map[string]any
	if !utf8.Valid(body) || json.Unmarshal(body, &fields) != nil {
		return false
	}
	for _, value := range fields {
		if _, ok := value.(string); !ok {
			return false
		}
	}
	tokens := 0
	for d := json.NewDecoder(strings.NewReader(string(body))); ; tokens++ {
		if _, err := d.Token(); err != nil {
			return tokens == 2*len(fields)+2
		}
	}
}
