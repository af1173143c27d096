package api_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/api"
)

func TestLogs_NameNobody_UnlessAskedTo(t *testing.T) {
	for _, asked := range []bool{false, true} {
		s := newHandler(t, func(c *api.Config) { c.LogAddresses = asked })
		id, code := s.registerFrom("192.0.2.7:1")
		s.ask(http.MethodPost, "/api/verify", "192.0.2.7:1", object("verification_id", id, "code", wrongCode(code)))
		s.ask(http.MethodGet, "/api/verifications/"+id+"?secret=query", "192.0.2.7:1", "")
		log := s.log.String()
		for _, address := range []string{"ada@example.com", "192.0.2.7"} {
			if strings.Contains(log, address) != asked {
				t.Errorf("asked for %v: %s in\n%s", asked, address, log)
			}
		}
		if name := s.secrets.First().LogName("ada@example.com"); strings.Count(log, name) < 2 && !asked {
			t.Errorf("one address has several names:\n%s", log)
		}
		for _, never := range []string{id, code, "query"} {
			if strings.Contains(log, never) {
				t.Errorf("the log holds %q:\n%s", never, log)
			}
		}
	}
}
