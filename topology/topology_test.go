package topology

import (
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// users is a member of the group "users" that was heard of so long ago.
func users(name string, ago time.Duration, generation int32, partitions ...int32) Heard {
	g := Group{Group: "users", Ready: true, Generation: generation}
	for _, p := range partitions {
		g.Partitions = append(g.Partitions, Partition{Partition: p, LagProcessed: 1, LagCommitted: 10})
	}
	return Heard{Instance{Name: name, Roles: []string{"users"}, Parts: []Part{{Name: "processor", Ready: true}}, Groups: []Group{g}}, now.Add(-ago)}
}

func of(all ...Heard) Topology { return Of(all, []string{"users"}, 4, now) }

func TestOf_InstancesThatTellOfThemselves_OwnWhatTheySay(t *testing.T) {
	api := Heard{Instance{Name: "c", Roles: []string{"api"}, Parts: []Part{{Name: "view", Reason: "recovering"}}}, now}
	got := of(users("b", time.Second, 5, 2, 3), users("a", 2*time.Second, 5, 0), api)
	var names []string
	var states []State
	for _, m := range got.Instances {
		names, states = append(names, m.Name), append(states, m.State)
	}
	if !slices.Equal(names, []string{"c", "a", "b"}) || !slices.Equal(states, []State{NotReady, Ready, Ready}) {
		t.Errorf("instances are %v, %v", names, states)
	}
	g := got.Groups[0]
	if want := []Owner{{0, "a"}, {2, "b"}, {3, "b"}}; !slices.Equal(g.Partitions, want) || !slices.Equal(g.Unowned, []int32{1}) {
		t.Errorf("owned %v, not owned %v", g.Partitions, g.Unowned)
	}
	if g.LagProcessed != 3 || g.LagCommitted != 30 {
		t.Errorf("lag is %d processed, %d committed", g.LagProcessed, g.LagCommitted)
	}
}

func TestOf_SilentForThreeIntervals_OwnsNothing(t *testing.T) {
	for _, c := range []struct {
		ago   time.Duration
		state State
		owned int
	}{
		{0, Ready, 1},
		{-time.Minute, Ready, 1}, // a record from what the listener takes for the future
		{3 * Interval, Ready, 1},
		{3*Interval + time.Millisecond, Silent, 0},
		{forgottenAfter, Silent, 0},
	} {
		got := of(users("a", c.ago, 1, 0))
		if m := got.Instances[0]; m.State != c.state || m.SilentSeconds != max(0, c.ago.Seconds()) {
			t.Errorf("after %v: %s for %v s, want %s", c.ago, m.State, m.SilentSeconds, c.state)
		}
		if owned := got.Groups[0].Partitions; len(owned) != c.owned {
			t.Errorf("after %v: owns %v", c.ago, owned)
		}
	}
}

func TestOf_SilentForAnHour_IsForgotten(t *testing.T) {
	gone := users("a", forgottenAfter+time.Second, 1, 0)
	if got := of(gone); len(got.Instances) != 0 || !gone.Forgotten(now) {
		t.Errorf("shows %+v", got.Instances)
	}
}

func TestOf_TwoThatNameOnePartition_TheLaterGenerationOwnsIt(t *testing.T) {
	old, young := users("a", 0, 7, 0, 1), users("b", 2*time.Second, 8, 1)
	for _, all := range [][]Heard{{old, young}, {young, old}} {
		if g := of(all...).Groups[0]; !slices.Equal(g.Partitions, []Owner{{0, "a"}, {1, "b"}}) || g.LagProcessed != 2 {
			t.Errorf("owned %v, lag %d", g.Partitions, g.LagProcessed)
		}
	}
}

func TestOf_Nobody_OwnsNothing(t *testing.T) {
	if g := of().Groups[0]; len(g.Partitions) != 0 || !slices.Equal(g.Unowned, []int32{0, 1, 2, 3}) {
		t.Errorf("owned %v, not owned %v", g.Partitions, g.Unowned)
	}
}

func TestKey_TwoRolesOfOneName_HaveOneEach(t *testing.T) {
	one := Instance{Name: "host1", Roles: []string{"users"}}
	two := Instance{Name: "host1", Roles: []string{"api", "notifier"}}
	if one.Key() != "users/host1" || two.Key() != "api+notifier/host1" {
		t.Errorf("keys are %q and %q", one.Key(), two.Key())
	}
}
