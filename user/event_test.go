package user_test

import "testing"

// What was told before an upgrade is told under the same id after it.
func TestEvent_IDs_AreDerivedAsTheyAlwaysWere(t *testing.T) {
	a := newAccount()
	a.state.Version = 1000
	_, events := a.register("v1")
	if e := events[0]; e.ID != "7748ad60-7029-8b57-bcac-c10e1cfa4a71" || e.UserID != "37b4e817-9741-8795-819e-b51ba11c72ba" {
		t.Errorf("event %s of %s", e.ID, e.UserID)
	}
}
