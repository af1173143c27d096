package views_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"countersign/stream"
	"countersign/topics"
	"countersign/topology"
	"countersign/views"
)

func instance(name string, at time.Time) topics.Instance {
	return topics.Instance{Name: name, Roles: []string{"users"}, At: at, Groups: []topology.Group{{
		Group: topics.UserService, Generation: 1, Partitions: []topology.Partition{{Partition: 1}},
	}}}
}

// tells writes what an instance tells of itself; nothing at all as it stops.
func tells(t *testing.T, emitter *stream.Emitter, i topics.Instance, stops bool) {
	t.Helper()
	var value []byte
	if !stops {
		var err error
		if value, err = json.Marshal(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := emitter.Emit(t.Context(), topics.Instances, i.Key(), value, nil); err != nil {
		t.Fatal(err)
	}
}

func runsInstances(t *testing.T, view *views.Instances) {
	t.Helper()
	runs(t, view.Run, func() bool { _, err := view.Topology(); return err == nil })
}

// awaits waits until the view shows the instances with their states, calling tell before each look.
func awaits(t *testing.T, view *views.Instances, want map[string]topology.State, tell func()) topology.Topology {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		tell()
		all, err := view.Topology()
		if err != nil {
			t.Fatal(err)
		}
		same := len(all.Instances) == len(want)
		for _, m := range all.Instances {
			same = same && m.State == want[m.Name]
		}
		if same {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("shows %+v, want %v", all.Instances, want)
		}
	}
}

func silence() {}

func TestInstances_ThatTellOfThemselves_AreShownUntilTheyStop_WhateverTheirClocks(t *testing.T) {
	cluster, emitter := kafka(t, topics.Instances, 1)
	view, err := views.NewInstances(cluster, 2)
	if err != nil {
		t.Fatal(err)
	}
	runsInstances(t, view)
	if all, err := view.Topology(); err != nil || len(all.Instances) != 0 || len(all.Groups) != 2 || len(all.Groups[0].Unowned) != 2 {
		t.Fatalf("of nobody: %+v, %v", all, err)
	}
	slow, fast := instance("slow", time.Now().Add(-10*time.Minute)), instance("fast", time.Now().Add(10*time.Minute))
	all := awaits(t, view, map[string]topology.State{"slow": topology.Ready, "fast": topology.Ready}, func() {
		tells(t, emitter, slow, false)
		tells(t, emitter, fast, false)
	})
	if g := all.Groups[0]; g.Group != topics.UserService || len(g.Partitions) != 1 || !slices.Equal(g.Unowned, []int32{0}) {
		t.Errorf("ownership is %+v", g)
	}
	tells(t, emitter, fast, true)
	awaits(t, view, map[string]topology.State{"slow": topology.Ready}, func() { tells(t, emitter, slow, false) })
	awaits(t, view, map[string]topology.State{"slow": topology.Silent}, silence)
}

func TestInstances_ThatWereSilentBeforeTheView_AreShownAsSilentOrForgotten(t *testing.T) {
	cluster, emitter := kafka(t, topics.Instances, 1)
	silent, gone, fast := instance("silent", time.Now().Add(-time.Minute)), instance("gone", time.Now().Add(-2*time.Hour)), instance("fast", time.Now().Add(time.Hour))
	for _, i := range []topics.Instance{silent, gone, fast} {
		tells(t, emitter, i, false)
	}
	view, err := views.NewInstances(cluster, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := view.Topology(); err == nil {
		t.Error("before it is recovered it answers")
	}
	runsInstances(t, view)
	awaits(t, view, map[string]topology.State{"silent": topology.Silent, "fast": topology.Silent}, silence)
	if keys, err := view.Forgotten(); err != nil || !slices.Equal(keys, []string{gone.Key()}) {
		t.Errorf("forgotten: %v, %v", keys, err)
	}
	awaits(t, view, map[string]topology.State{"silent": topology.Silent, "fast": topology.Silent, "gone": topology.Ready}, func() {
		tells(t, emitter, gone, false)
	})
}
