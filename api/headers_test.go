package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestHeaders_StandOnEveryAnswer(t *testing.T) {
	s := newSite(t)
	for _, a := range []answer{
		s.do(http.MethodGet, "/", "", "", ""),
		s.do(http.MethodGet, "/docs", "", "", ""),
		s.do(http.MethodGet, "/style.css", "", "", ""),
		s.do(http.MethodHead, "/", "", "", ""),
		s.do(http.MethodGet, "/nothing", "", "", ""),
		s.call("/api/register", "", map[string]string{"email": "ada@example.com", "first_name": "Ada"}),
		s.call("/api/verify", "", nil),
	} {
		csp := a.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("policy %q", csp)
		}
		if a.header.Get("Referrer-Policy") != "no-referrer" || a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") == "" {
			t.Errorf("headers %v", a.header)
		}
	}
}
