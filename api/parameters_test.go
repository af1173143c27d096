package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/api"
)

func TestInternal_AParameterThatACallDoesNotHave_IsRefusedAndNamed(t *testing.T) {
	s := newSite(t)
	s.mailed("ada@a.org", api.Mail{ID: "1"})
	s.populate("ada@a.org", "verified")
	s.refusing["ada@a.org"] = api.Suppression{At: time.Now(), Reply: "550 no"}
	do := s.internal(func(c *api.InternalConfig) { c.Instances = known{} })
	for call, detail := range map[string]string{
		"GET /mails?state=failed":                  "state: is no parameter of this call, which has status, kind, after, limit",
		"GET /mails?status=failed&Kind=":           "Kind: is no parameter of this call, which has status, kind, after, limit",
		"GET /mails?status=failed&status=sent":     "status: must stand only once",
		"GET /mails?status=failed;kind=x":          "the query must have the form name=value&name=value, percent-encoded",
		"GET /mails?status=%zz":                    "the query must have the form name=value&name=value, percent-encoded",
		"GET /users?state=pending":                 "state: is no parameter of this call, which has prefix, status, after, limit",
		"GET /users/ada@a.org?verbose=1":           "verbose: is no parameter of this call, which has none",
		"GET /users/ada@a.org/history?from=7d":     "from: is no parameter of this call, which has since",
		"GET /stream?prefix=ada":                   "prefix: is no parameter of this call, which has none",
		"GET /mails/1?verbose":                     "verbose: is no parameter of this call, which has none",
		"GET /suppressions/ada@a.org?verbose=1":    "verbose: is no parameter of this call, which has none",
		"GET /dead-letters?after=1":                "after: is no parameter of this call, which has topic, reason, limit",
		"GET /topology?group=x":                    "group: is no parameter of this call, which has none",
		"POST /dead-letters/retry?topics=mail":     "topics: is no parameter of this call, which has topic, reason, after",
		"POST /mails/1/retry?force=true":           "force: is no parameter of this call, which has none",
		"DELETE /users/ada@a.org?dry_run=true":     "dry_run: is no parameter of this call, which has none",
		"DELETE /suppressions/ada@a.org?dry_run=1": "dry_run: is no parameter of this call, which has none",
	} {
		method, path, _ := strings.Cut(call, " ")
		if a := do(method, path); a.status != http.StatusUnprocessableEntity || a.json(t)["code"] != "parameter_invalid" || a.json(t)["detail"] != detail {
			t.Errorf("%s: %d %s", call, a.status, a.body)
		}
	}
	if len(s.post.asked) > 0 || len(s.sent()) > 0 {
		t.Errorf("asked for are %v and %v", s.post.asked, s.sent())
	}
	if a := s.do(http.MethodGet, "/api/verifications/none?utm_source=mail", "", "", ""); a.json(t)["code"] == "parameter_invalid" {
		t.Errorf("on the public listener: %s", a.body)
	}
}
