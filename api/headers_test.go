package api_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/api"
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
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Permitted-Cross-Domain-Policies": "none", "Strict-Transport-Security": "max-age=31536000",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if a.header.Get(name) != want {
				t.Errorf("%s is %q", name, a.header.Get(name))
			}
		}
	}
}

func TestHeaders_WherePeopleComeByHTTP_DoNotAskForHTTPS(t *testing.T) {
	s := newHandler(t, func(c *api.Config) { c.PublicURL = "http://127.0.0.1:8080" })
	if a := s.ask(http.MethodGet, "/", "192.0.2.1:1", ""); a.header.Get("Strict-Transport-Security") != "" {
		t.Errorf("headers %v", a.header)
	}
}
