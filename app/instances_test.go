package app

import (
	"strings"
	"testing"
	"time"

	"countersign/topology"
)

func TestInstances_AsATable_TellWhoOwnsWhatAndHowItGoes(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	owns := func(group string, partitions ...int32) topology.Group {
		g := topology.Group{Group: group, Generation: 1}
		for _, p := range partitions {
			g.Partitions = append(g.Partitions, topology.Partition{Partition: p, LagProcessed: 1, LagCommitted: 2, RestoredTo: 8, RestoreEnd: 8})
		}
		return g
	}
	busy := owns("user-service", 0, 1, 2, 5)
	busy.BehindSeconds = 0.25
	busy.LastRebalance = &topology.Rebalance{At: now.Add(-90 * time.Second), GapMS: 45.4}
	busy.LastFailure = &topology.Failure{At: now.Add(-25 * time.Hour), Reason: "fenced", Restarts: 1}
	busy.Transactions = topology.Transactions{P50MS: 1.74, P99MS: 11.2}
	busy.Standby = topology.Standby{Partitions: 2}
	restoring := owns("user-service", 3)
	restoring.Standby = topology.Standby{Partitions: 5, Missing: 70}
	restoring.Partitions[0].RestoredTo = 5
	heard := func(name, role string, ago time.Duration, ready bool, groups ...topology.Group) topology.Heard {
		return topology.Heard{HeardAt: now.Add(-ago), Instance: topology.Instance{
			Name: name, Roles: []string{role}, Parts: []topology.Part{{Name: role + " part", Ready: ready}}, Groups: groups,
		}}
	}
	var out strings.Builder
	err := table(topology.Of([]topology.Heard{
		heard("a", "api", 0, true), heard("b", "users", 0, true, busy),
		heard("c", "users", 0, false, restoring), heard("d", "users", 14*time.Second, true, owns("user-service", 4)),
	}, []string{"user-service"}, 6, now), &out)
	if err != nil {
		t.Fatal(err)
	}
	want := `
INSTANCE  ROLES  STATE                  GROUP         PARTITIONS             STANDBY         LAG PROCESSED/COMMITTED  BEHIND  LAST GAP            TX P50/P99   LAST FAILURE
a         api    ready                  -             -                      -               -                        -       -                   -            -
b         users  ready                  user-service  0-2,5                  2               4/8                      0.2 s   45 ms, 1 min ago    1.7/11.2 ms  25 h 0 min ago: fenced
c         users  not ready: users part  user-service  3 (restored 5 of 8)    5 (70 missing)  1/2                      0.0 s   -                   0.0/0.0 ms   -
d         users  silent for 14 s        user-service  4                      -               1/2                      0.0 s   -                   0.0/0.0 ms   -

user-service: 5 partitions owned, lag 5/10; owned by nobody: 4
`
	if got := squeezed("\n" + out.String()); got != squeezed(want) {
		t.Errorf("printed:\n%s\nwant, but for the widths:\n%s", out.String(), want)
	}
}

// squeezed leaves at most two spaces between words, so that the test says nothing of widths.
func squeezed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var cells []string
		for cell := range strings.SplitSeq(line, "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
		lines[i] = strings.Join(cells, "  ")
	}
	return strings.Join(lines, "\n")
}
