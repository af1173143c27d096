package topology

import (
	"cmp"
	"slices"
	"time"
)

// Rules:
//   - who has told nothing for three intervals is silent, by the clock of who listens: clocks of instances may be wrong;
//   - what a silent one owned nobody owns, until another tells that it does;
//   - of two that name one partition, the one of the later generation owns it: the other has not heard yet;
//   - who has been silent for an hour is forgotten.

const (
	silentAfter    = 3 * Interval
	forgottenAfter = time.Hour
)

// Heard is what was last heard of an instance, and when, by the clock of who listens.
type Heard struct {
	Instance
	HeardAt time.Time
}

// Forgotten says whether nothing more is expected of the instance: its record may go.
func (h Heard) Forgotten(now time.Time) bool { return now.Sub(h.HeardAt) > forgottenAfter }

// Topology is who runs, and what each owns.
type Topology struct {
	At        time.Time   `json:"at"`
	Instances []Member    `json:"instances" doc:"By roles and name."`
	Groups    []Ownership `json:"groups"`
}

// State of an instance.
type State string

// The states.
const (
	Ready    State = "ready"
	NotReady State = "not_ready" // a part is not
	Silent   State = "silent"    // killed, stopped, or cut off from Kafka
)

// Member is an instance as others see it.
type Member struct {
	Instance
	State         State   `json:"state" enum:"ready,not_ready,silent"`
	SilentSeconds float64 `json:"silent_seconds" doc:"Since its last sign of life."`
}

// Ownership is who owns the partitions of a group.
type Ownership struct {
	Group        string  `json:"group"`
	Partitions   []Owner `json:"partitions" doc:"Those with an owner."`
	Unowned      []int32 `json:"unowned" doc:"Those without."`
	LagProcessed int64   `json:"lag_processed" doc:"Sum over the partitions with an owner."`
	LagCommitted int64   `json:"lag_committed"`
}

// Owner is who owns a partition.
type Owner struct {
	Partition int32  `json:"partition"`
	Instance  string `json:"instance"`
}

// Of returns the topology of the groups, which have so many partitions each, as it is known now.
func Of(all []Heard, groups []string, partitions int32, now time.Time) Topology {
	t := Topology{At: now, Instances: []Member{}, Groups: []Ownership{}}
	for _, h := range all {
		if h.Forgotten(now) {
			continue
		}
		m := Member{Instance: h.Instance, State: Ready, SilentSeconds: max(0, now.Sub(h.HeardAt).Seconds())}
		switch {
		case now.Sub(h.HeardAt) > silentAfter:
			m.State = Silent
		case slices.ContainsFunc(h.Parts, func(p Part) bool { return !p.Ready }):
			m.State = NotReady
		}
		t.Instances = append(t.Instances, m)
	}
	slices.SortFunc(t.Instances, func(a, b Member) int { return cmp.Compare(a.Key(), b.Key()) })
	for _, group := range groups {
		t.Groups = append(t.Groups, ownership(group, partitions, t.Instances))
	}
	return t
}

func ownership(group string, partitions int32, members []Member) Ownership {
	type claim struct {
		Partition
		owner      string
		generation int32
	}
	claims := map[int32]claim{}
	for _, m := range members {
		if m.State == Silent {
			continue
		}
		for _, g := range m.Groups {
			if g.Group != group {
				continue
			}
			for _, p := range g.Partitions {
				if c, taken := claims[p.Partition]; !taken || c.generation < g.Generation {
					claims[p.Partition] = claim{p, m.Name, g.Generation}
				}
			}
		}
	}
	o := Ownership{Group: group, Partitions: []Owner{}, Unowned: []int32{}}
	for partition := range partitions {
		c, owned := claims[partition]
		if !owned {
			o.Unowned = append(o.Unowned, partition)
			continue
		}
		o.Partitions = append(o.Partitions, Owner{partition, c.owner})
		o.LagProcessed += c.LagProcessed
		o.LagCommitted += c.LagCommitted
	}
	return o
}
