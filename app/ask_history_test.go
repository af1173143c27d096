package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const happenings = `{"at":"2026-11-22T12:00:00Z","kind":"command","what":"register","id":"c1","verification_id":"v1","topic":"user_commands","partition":1,"offset":0}
{"at":"2026-11-22T12:00:00.01Z","kind":"event","what":"user_account_created","id":"e1","verification_id":"v1","command_id":"c1","topic":"user_account_created","partition":1,"offset":0}
{"at":"2026-11-22T12:00:01Z","kind":"mail","what":"verify_account","outcome":"failed","attempt":2,"detail":"550 \u001b[2Jno","topic":"mail_deliveries","partition":1,"offset":0}
{"at":"2026-11-22T12:00:02Z","kind":"command","what":"verify","outcome":"code_invalid","attempts_remaining":4,"id":"c2","topic":"user_commands","partition":1,"offset":1}
`

func shownHistory(t *testing.T, body string, h History) (string, error) {
	t.Helper()
	var out strings.Builder
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
	err := ShowHistory(t.Context(), s, "ada@example.com", h, &out)
	return out.String(), err
}

func TestShowHistory_IsATimelineForPeople(t *testing.T) {
	out, err := shownHistory(t, happenings+`{"kind":"end","complete":true}`, History{})
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) != 5 {
		t.Fatalf("%v:\n%s", err, out)
	}
	for i, want := range []string{"register ", "user_account_created ", "verify_account ", "verify ", "that is all"} {
		if !strings.Contains(lines[i]+" ", want) {
			t.Errorf("line %d has no %q: %s", i, want, lines[i])
		}
	}
	for i, want := range []string{"applied", "", `failed (attempt 2, "550 \x1b[2Jno")`, "code_invalid (4 tries left)"} {
		if !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d does not end with %q: %s", i, want, lines[i])
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Errorf("a terminal would obey\n%q", out)
	}
	if out, _ := shownHistory(t, happenings+`{"kind":"end","complete":true}`, History{Colours: true}); !strings.Contains(out, "\x1b[31mfailed\x1b[0m") {
		t.Errorf("no colours:\n%q", out)
	}
	if out, _ := shownHistory(t, happenings, History{JSON: true}); out != happenings {
		t.Errorf("JSON is not as it was answered:\n%s", out)
	}
}

func TestShowHistory_ThatIsNotWhole_SaysSo(t *testing.T) {
	out, err := shownHistory(t, happenings+`{"kind":"end","complete":false,"until":"2026-11-22T12:00:02.5Z","unread":["mail_deliveries"]}`, History{})
	if err != nil || !strings.HasSuffix(out, "(mail_deliveries): go on with --since=2026-11-22T12:00:02.5Z\n") {
		t.Errorf("%v:\n%s", err, out)
	}
	if _, err := shownHistory(t, happenings, History{}); err == nil || !strings.Contains(err.Error(), "INTERNAL_ADDR") {
		t.Errorf("an answer without its end: %v", err)
	}
	if out, err := shownHistory(t, `{"kind":"end","complete":true}`, History{}); err != nil || out != "nothing happened\n" {
		t.Errorf("%v:\n%s", err, out)
	}
}
