package api_test

import (
	"net/http"
	"testing"

	"countersign/api"
)

func TestGuard_WithoutToken_AnswersOnlyToThisMachinesNames(t *testing.T) {
	do := newSite(t).internal(nil)
	for host, want := range map[string]int{
		"localhost:8081": 200, "LOCALHOST": 200, "127.0.0.1:8081": 200, "127.9.9.9": 200, "[::1]:8081": 200, "[::1]": 200,
		"evil.example": 403, "localhost.evil.example": 403, "10.0.0.1:8081": 403, "127.0.0.1.evil.example": 403,
	} {
		if a := do(http.MethodGet, "/livez", "Host", host); a.status != want {
			t.Errorf("%s: %d %s", host, a.status, a.body)
		}
	}
}

func TestGuard_WithToken_AsksForItEverywhereButHealth(t *testing.T) {
	do := newSite(t).internal(func(c *api.InternalConfig) { c.Token = "the token" })
	for _, c := range []struct {
		path, authorization string
		want                int
	}{
		{"/metrics", "", 401},
		{"/metrics", "Bearer another", 401},
		{"/metrics", "Bearer the token", 200},
		{"/users/ada@example.com", "", 401},
		{"/nothing", "", 401},
		{"/livez", "", 200},
		{"/readyz", "", 200},
	} {
		a := do(http.MethodGet, c.path, "Host", "countersign.internal", "Authorization", c.authorization)
		if a.status != c.want || (c.want == 401) != (a.header.Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%s with %q: %d %s", c.path, c.authorization, a.status, a.body)
		}
	}
}

func TestGuard_OtherSites_MayNotChangeAnything(t *testing.T) {
	do := newSite(t).internal(nil)
	a := do(http.MethodPost, "/livez", "Sec-Fetch-Site", "cross-site")
	if a.status != http.StatusForbidden || a.json(t)["code"] != "origin_forbidden" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}
