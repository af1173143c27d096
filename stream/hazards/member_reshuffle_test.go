package hazards

// What is held here:
//   - a member that restarts gets its own partitions again, and the others theirs.

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestRebalance_AMemberRestarts_EachHasWhatItHadBefore(t *testing.T) {
	slow(t)
	compare(t, "a member's restart moves the others' partitions", func(w *world) finding {
		w.topics(6)
		var mu sync.Mutex
		owners := map[string]map[int32]string{} // by round
		member := func(name string) *running {
			return w.instance(name).process(goka.DefineGroup(goka.Group(w.group),
				w.system.input(w.in, new(codec.String), func(ctx goka.Context, round any) {
					mu.Lock()
					defer mu.Unlock()
					if owners[round.(string)] == nil {
						owners[round.(string)] = map[int32]string{}
					}
					owners[round.(string)][ctx.Partition()] = name
				})))
		}
		producer, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			w.Fatal(err)
		}
		defer producer.Close()
		rounds := 0
		round := func() map[int32]string {
			rounds++
			round := strconv.Itoa(rounds)
			for p := range int32(6) {
				w.write(producer, &kgo.Record{Topic: w.in, Partition: p, Key: []byte("k"), Value: []byte(round)})
			}
			var of map[int32]string
			w.await("all partitions are processed", func() bool {
				mu.Lock()
				defer mu.Unlock()
				of = maps.Clone(owners[round])
				return len(of) == 6
			})
			return of
		}
		shares := func() (of map[int32]string) { // the same twice: no rebalance lies between
			w.await("each member has two partitions", func() bool {
				of = round()
				parts := map[string]int{}
				for _, owner := range of {
					parts[owner]++
				}
				return parts["a"] == 2 && parts["b"] == 2 && parts["c"] == 2 && maps.Equal(of, round())
			})
			return of
		}
		names := []string{"a", "b", "c"}
		members := map[string]*running{}
		for _, name := range names {
			members[name] = member(name)
		}
		before := shares()
		const restarts = 12
		for n := range restarts {
			name := names[n%len(names)] // whether one keeps its place depends on the ids of the others
			members[name].stop()
			members[name] = member(name)
			after := shares()
			moved := 0
			for p, owner := range before {
				if after[p] != owner {
					moved++
				}
			}
			if moved > 0 {
				return finding{true, fmt.Sprintf("%d of 6 partitions moved by restart %d", moved, n+1)}
			}
		}
		return finding{false, fmt.Sprintf("none moved by %d restarts", restarts)}
	})
}
