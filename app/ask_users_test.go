package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answering are the settings of who asks a listener that answers so.
func answering(t *testing.T, answer http.HandlerFunc) Settings {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return Settings{InternalAddr: strings.TrimPrefix(server.URL, "http://")}
}

func TestListUsers_AsksPageByPage_UpToItsLimit(t *testing.T) {
	const rows = 2500
	var asked []string
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("limit"))
		first, limit := 0, 0
		_, _ = fmt.Sscanf(r.URL.Query().Get("after"), "u%d", &first)
		_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
		last := min(first+limit, rows)
		var users []string
		for i := first + 1; i <= last; i++ {
			users = append(users, fmt.Sprintf(`{"email":"u%04d"}`, i))
		}
		next := ""
		if last < rows {
			next = fmt.Sprintf("u%04d", last)
		}
		fmt.Fprintf(w, `{"users":[%s],"next":%q}`, strings.Join(users, ","), next)
	})
	for limit, want := range map[int]struct {
		lines int
		asked string
	}{0: {rows, "1000 1000 1000"}, 1500: {1500, "1000 500"}, 3: {3, "3"}, rows: {rows, "1000 1000 500"}, 3000: {rows, "1000 1000 1000"}} {
		asked = nil
		var out strings.Builder
		if err := ListUsers(t.Context(), s, UserFilter{}, limit, true, &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != want.lines || strings.Join(asked, " ") != want.asked {
			t.Errorf("limit %d: %d lines, asked for %v", limit, n, asked)
		}
	}
	var out strings.Builder
	if err := ListUsers(t.Context(), s, UserFilter{}, 2, false, &out); err != nil || !strings.Contains(out.String(), "there may be more") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

func TestWatchUsers_PrintsALineForEachChange_AndSaysWhyItEnds(t *testing.T) {
	events := "retry: 2000\n\nid: 1-2\nevent: user\ndata: {\"email\":\"ada@example.com\",\"status\":\"pending\",\"version\":1}\n\n" +
		": still there\n\nid: 1-3\nevent: removed\ndata: {\"email\":\"bob@example.com\"}\n\n"
	for ending, why := range map[string]string{"": "has stopped", "event: cut\ndata: {}\n\n": "too slow"} {
		s := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, events+ending) })
		var out strings.Builder
		if err := WatchUsers(t.Context(), s, false, &out); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: ended with %v", ending, err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 || !strings.HasSuffix(lines[0], "  ada@example.com  pending, version 1") || !strings.HasSuffix(lines[1], "  bob@example.com  removed") {
			t.Errorf("printed\n%s", out.String())
		}
		out.Reset()
		_ = WatchUsers(t.Context(), s, true, &out)
		if !strings.HasSuffix(out.String(), `{"event":"removed","data":{"email":"bob@example.com"}}`+"\n") {
			t.Errorf("printed\n%s", out.String())
		}
	}
}

func TestAsk_WithoutTheRightToken_NamesTheSetting(t *testing.T) {
	for name, c := range map[string]struct {
		code, want string
		settings   Settings
	}{
		"none":           {"token_required", "asks for a token: INTERNAL_TOKEN must be set", Settings{}},
		"a wrong one":    {"token_required", "knows no such token: INTERNAL_TOKEN must be set", Settings{InternalToken: "wrong"}},
		"no operator's":  {"operator_required", "no: OPERATOR_TOKEN must be set", Settings{InternalToken: "reader's"}},
		"none is enough": {"operator_required", "no", Settings{OperatorToken: "operator's"}},
	} {
		s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"title":"no","code":%q}`, c.code)
		})
		s.InternalToken, s.OperatorToken = c.settings.InternalToken, c.settings.OperatorToken
		if err := CancelMail(t.Context(), s, "m1", io.Discard); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
