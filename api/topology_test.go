package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"countersign/api"
	"countersign/topology"
)

// known is what is known of the instances.
type known struct {
	all []topology.Heard
	err error
}

func (k known) Topology() (topology.Topology, error) {
	return topology.Of(k.all, []string{"user-service"}, 2, time.Now()), k.err
}

func (s *site) topology(k api.Instances) answer {
	return s.internal(func(c *api.InternalConfig) { c.Instances = k })(http.MethodGet, "/topology")
}

func TestTopology_ShowsWhoRunsAndWhatEachOwns(t *testing.T) {
	a := newSite(t).topology(known{all: []topology.Heard{{HeardAt: time.Now(), Instance: topology.Instance{
		Name: "i-1", Roles: []string{"users"},
		Groups: []topology.Group{{Group: "user-service", Partitions: []topology.Partition{{Partition: 1, LagCommitted: 7}}}},
	}}}})
	var got topology.Topology
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if m := got.Instances; len(m) != 1 || m[0].Name != "i-1" || m[0].State != topology.Ready || len(m[0].Groups) != 1 {
		t.Errorf("instances: %s", a.body)
	}
	if g := got.Groups; len(g) != 1 || len(g[0].Partitions) != 1 || len(g[0].Unowned) != 1 || g[0].LagCommitted != 7 {
		t.Errorf("groups: %s", a.body)
	}
}

func TestTopology_ThatIsNotKnownYet_IsUnavailable(t *testing.T) {
	s := newSite(t)
	if a := s.topology(known{err: errors.New("still reading")}); a.status != http.StatusServiceUnavailable || a.json(t)["code"] != "unavailable" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.topology(nil); a.status != http.StatusNotFound {
		t.Errorf("of another role: %d %s", a.status, a.body)
	}
}
