package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestDocs_DescribeEveryCallAndNothingElse(t *testing.T) {
	s := newSite(t)
	a := s.do(http.MethodGet, "/openapi.json", "", "", "")
	var o struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Schema map[string]any }
			}
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]struct{ Value struct{ Code string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		t.Fatal(err)
	}
	if o.OpenAPI != "3.1.0" || len(o.Paths) != 5 || len(o.Servers) != 1 || o.Servers[0].URL != "https://sign.example" {
		t.Errorf("got %s", a.body)
	}
	verify := o.Paths["/api/verify"]["post"]
	if verify.RequestBody.Content["application/json"].Schema["$ref"] != "#/components/schemas/VerifyRequest" || len(verify.RequestBody.Content) != 1 {
		t.Errorf("body of verify: %+v", verify.RequestBody)
	}
	for status, code := range map[string]string{"410": "code_expired", "422": "code_invalid", "429": "too_many_attempts", "503": "outcome_unknown"} {
		if got := verify.Responses[status].Content["application/problem+json"].Examples[code].Value.Code; got != code {
			t.Errorf("%s of verify has no example of %s", status, code)
		}
	}
}

func TestDocs_OfAProblem_AreWhereItsTypePoints(t *testing.T) {
	s := newSite(t)
	page := s.do(http.MethodGet, "/docs", "", "", "").body
	for _, a := range []answer{
		s.call("/api/register", "", map[string]string{"email": "x"}),
		s.call("/api/verify", "", nil),
	} {
		_, anchor, _ := strings.Cut(a.json(t)["type"].(string), "/docs#")
		if !strings.Contains(page, `id="`+anchor+`"`) {
			t.Errorf("/docs does not describe %q", anchor)
		}
	}
}
