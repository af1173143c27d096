package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/api"
)

func named(origins ...string) func(*api.Config) {
	return func(c *api.Config) { c.CORSOrigins = origins }
}

func TestCrossOrigin_PagesOfANamedSite_MayUseTheAPI(t *testing.T) {
	s := newHandler(t, named("https://www.example.com", "http://localhost:3000"), limited(60))
	for _, origin := range []string{"https://www.example.com", "http://localhost:3000"} {
		asked := s.ask(http.MethodOptions, "/api/register", "192.0.2.1:1", "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,idempotency-key")
		if asked.status != http.StatusNoContent || asked.header.Get("Access-Control-Allow-Origin") != origin || asked.header.Get("Access-Control-Allow-Headers") == "" {
			t.Errorf("preflight: %d %v", asked.status, asked.header)
		}
		a := s.ask(http.MethodPost, "/api/register", "192.0.2.1:1", registration, "Origin", origin)
		exposed := strings.ToLower(a.header.Get("Access-Control-Expose-Headers"))
		if a.status != http.StatusAccepted || a.header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("call: %d %v", a.status, a.header)
		}
		for _, name := range []string{"idempotency-key", "retry-after", "ratelimit", "ratelimit-policy"} {
			if !slices.Contains(strings.Split(exposed, ", "), name) {
				t.Errorf("%s is not exposed: %s", name, exposed)
			}
		}
		for _, header := range []http.Header{asked.header, a.header} {
			if header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(header.Values("Vary"), ", "), "Origin") {
				t.Errorf("headers %v", header)
			}
		}
	}
}

func TestCrossOrigin_AnybodyElse_MayNot(t *testing.T) {
	const preflight, named1 = "Access-Control-Request-Method", "https://www.example.com"
	for _, c := range []struct {
		site         *site
		path, origin string
		method       string
	}{
		{newHandler(t), "/api/register", named1, "POST"},
		{newHandler(t, named(named1)), "/api/register", "https://www.example.com.evil.example", "POST"},
		{newHandler(t, named(named1)), "/api/register", "http://www.example.com", "POST"},
		{newHandler(t, named(named1)), "/api/register", "null", "POST"},
		{newHandler(t, named(named1)), "/api/register", named1, "DELETE"},
		{newHandler(t, named(named1)), "/register", named1, "POST"},
		{newHandler(t, named(named1)), "/docs", named1, "GET"},
	} {
		a := c.site.ask(http.MethodOptions, c.path, "192.0.2.1:1", "", "Origin", c.origin, preflight, c.method)
		if a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s from %s: %d %v", c.method, c.path, c.origin, a.status, a.header)
		}
	}
}
