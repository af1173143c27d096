package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"countersign/api"
)

func TestReady_APartWithoutGrace_IsUnreadyWheneverItIs(t *testing.T) {
	var now atomic.Pointer[api.Check]
	do := newSite(t).internal(func(c *api.InternalConfig) {
		c.Ready = func() []api.Check { return []api.Check{{Name: "mailer", Ready: true}, *now.Load()} }
	})
	for _, ready := range []bool{true, false, true, false} {
		now.Store(&api.Check{Name: "sender", Ready: ready, NoGrace: true})
		a := do(http.MethodGet, "/readyz")
		if want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[ready]; a.status != want {
			t.Errorf("ready %t: %d %s", ready, a.status, a.body)
		}
	}
}

func TestReady_OnceReady_IsUnreadyOnlyWhenMoreThanTenSecondsBehind(t *testing.T) {
	var now atomic.Pointer[[]api.Check]
	do := newSite(t).internal(func(c *api.InternalConfig) { c.Ready = func() []api.Check { return *now.Load() } })
	for _, c := range []struct {
		name    string
		checks  []api.Check
		status  int
		missing []string
		reason  string // of the first check
	}{
		{"starting", []api.Check{{Name: "users", Reason: "recovering"}, {Name: "mails", Ready: true}}, 503, []string{"users"}, "recovering"},
		{"far behind", []api.Check{{Name: "users", Ready: true, Behind: 11 * time.Second}, {Name: "mails", Ready: true}}, 503, []string{"users"}, "more than 10 s behind"},
		{"ready", []api.Check{{Name: "users", Ready: true, Behind: 9 * time.Second}, {Name: "mails", Ready: true}}, 200, []string{}, ""},
		{"rebalancing", []api.Check{{Name: "users", Reason: "rebalancing", Behind: time.Second}, {Name: "mails", Ready: true}}, 200, []string{}, "rebalancing"},
		{"behind", []api.Check{{Name: "users", Reason: "rebalancing", Behind: 11 * time.Second}, {Name: "mails", Ready: true}}, 503, []string{"users"}, "rebalancing"},
		{"back", []api.Check{{Name: "users", Ready: true}, {Name: "mails", Ready: true}}, 200, []string{}, ""},
	} {
		now.Store(&c.checks)
		a := do(http.MethodGet, "/readyz")
		var got struct {
			Ready   bool
			Missing []string
			Checks  []struct{ Name, Reason string }
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if a.status != c.status || got.Ready != (c.status == 200) || !slices.Equal(got.Missing, c.missing) || len(got.Checks) != 2 {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
		if got.Checks[0].Reason != c.reason {
			t.Errorf("%s: the reason is not %q: %s", c.name, c.reason, a.body)
		}
	}
}
