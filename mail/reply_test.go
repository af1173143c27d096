package mail

import (
	"strings"
	"testing"
)

func TestTidy_AddressesAndSecrets_AreCutOut(t *testing.T) {
	for reply, want := range map[string]string{
		"550 <ada@example.org> unknown":               "550 <…> unknown",
		"550 ada@example.org: unknown,\r\n try again": "550 … unknown, try again",
		"554 314159 in the text":                      "554 … in the text",
		strings.Repeat("é", 150):                      strings.Repeat("é", 100),
	} {
		if got := tidy(reply, []string{"314159"}); got != want {
			t.Errorf("%q: %q, want %q", reply, got, want)
		}
	}
}
