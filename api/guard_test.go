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

func TestGuard_OnlyWhoHasTheOperatorsToken_ChangesSomething(t *testing.T) {
	for _, c := range []struct {
		internal, operator, host, sent string
		read, change                   int
	}{
		{"", "", "localhost", "", 200, 404},
		{"", "", "evil.example", "", 403, 403},
		{"read", "change", "any.example", "", 401, 401},
		{"read", "change", "any.example", "other", 401, 401},
		{"read", "change", "any.example", "read", 200, 403},
		{"read", "change", "any.example", "change", 200, 404},
		{"read", "", "any.example", "read", 200, 403},
		{"", "change", "localhost", "", 200, 401},
		{"", "change", "evil.example", "", 403, 401},
		{"", "change", "localhost", "change", 200, 404},
	} {
		do := newSite(t).internal(func(i *api.InternalConfig) { i.Token, i.Operator = c.internal, c.operator })
		header := []string{"Host", c.host, "Authorization", "Bearer " + c.sent}
		read, change := do(http.MethodGet, "/dead-letters", header...), do(http.MethodPost, "/dead-letters/unknown/retry", header...)
		if read.status != c.read || change.status != c.change {
			t.Errorf("%+v: reading %d, changing %d %s", c, read.status, change.status, change.body)
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
