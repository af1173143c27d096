package chaos

// What is held here:
//   - every scenario has topics, a group and instances of its own, and a load of commands that does not care what happens;
//   - what a scenario does to them, it does at any moment.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"

	"countersign/stream"
)

const (
	partitions = 8
	keys       = 200
	rate       = 300 // commands a second
)

// world is one scenario.
type world struct {
	t         *testing.T
	row       *outcome
	begun     time.Time
	kafka     *kafka
	group     string
	topics    Topics
	guarantee stream.Guarantee
	dir       string
	load      *load
	watch     *watch
	view      *stream.View
	shown     *places // by view
	all       []*instance
	found     map[Count]bool // in local stores, whenever somebody looked

	// As they were last read:
	events []event
	table  map[int32]map[string]Count // by partition
	places map[place]bool             // of the table's records
}

// scale is how much of its faults a scenario brings: CHAOS_SCALE, 1 if it is not set.
func scale(t *testing.T) float64 {
	s := os.Getenv("CHAOS_SCALE")
	if s == "" {
		return 1
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f <= 0 {
		t.Fatalf("CHAOS_SCALE is %q: want a number above 0, such as 0.1", s)
	}
	return f
}

// newWorld begins a scenario with a steady load.
func newWorld(t *testing.T, title string, guarantee stream.Guarantee) *world {
	t.Helper()
	if counterBinary == "" {
		t.Skip("needs minutes, and brokers that may be killed: make chaos")
	}
	group := fmt.Sprintf("chaos-%d", time.Now().UnixNano())
	w := &world{
		t: t, row: enter(title), begun: time.Now(), kafka: newKafka(t),
		group: group, topics: TopicsOf(group), guarantee: guarantee, dir: t.TempDir(),
		shown: &places{all: map[place]bool{}}, found: map[Count]bool{},
	}
	t.Cleanup(func() {
		for _, i := range w.all {
			if !i.over() {
				i.kill()
			}
			if t.Failed() {
				t.Logf("%s wrote:\n%s", i.name, i.out.tail())
			}
		}
	})
	w.kafka.restart() // whom the scenario before has left dead
	cluster := w.dial()
	if err := cluster.Ensure(t.Context(), []stream.Topic{
		{Name: w.topics.Commands, Partitions: partitions},
		{Name: w.topics.Events, Partitions: partitions},
		{Name: w.topics.Table, Partitions: partitions, Config: map[string]string{"cleanup.policy": "compact"}},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := w.kafka.DeleteTopics(context.Background(), w.topics.Commands, w.topics.Events, w.topics.Table)
		if err != nil {
			t.Log(err)
		}
	})
	w.follow(cluster)
	var err error
	if w.watch, err = newWatch(w.kafka.brokers, w.topics.Events); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.watch.close)
	if w.load, err = newLoad(cluster, w.topics.Commands, rate, keys); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.load.close)
	return w
}

// skip leaves the scenario, and says so in the report.
func (w *world) skip(why string) {
	w.t.Helper()
	w.row.ok = "skipped: " + why
	w.t.Skip(why)
}

// needs skips what would end a smaller cluster.
func (w *world) needs(brokers int) {
	w.t.Helper()
	if len(w.kafka.brokers) < brokers {
		w.skip(fmt.Sprintf("needs %d brokers", brokers))
	}
}

// dial connects as the one who sends and looks.
func (w *world) dial() *stream.Cluster {
	w.t.Helper()
	log := logrus.New()
	log.SetOutput(w.t.Output())
	cluster, err := stream.Dial(w.t.Context(), stream.Config{
		Brokers: w.kafka.brokers, Instance: "chaos", Dir: filepath.Join(w.dir, "chaos"), Guarantee: w.guarantee,
		Hasher:      goka.DefaultHasher(), // no key is looked up
		Replication: w.kafka.replication(), Log: log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cluster.Close)
	return cluster
}

// follow runs a view beside everything.
func (w *world) follow(cluster *stream.Cluster) {
	w.t.Helper()
	var err error
	w.view, err = cluster.NewView(stream.ViewConfig{Topic: w.topics.Table, Codec: CountCodec{}, Changed: w.shown.add})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := w.view.Run(ctx); err != nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// scaled is how many of n faults this run brings, at least least.
func (w *world) scaled(n, least int) int { return max(least, int(float64(n)*scale(w.t))) }

// start starts an instance and waits until it is ready.
func (w *world) start(name string, args ...string) *instance {
	w.t.Helper()
	i := &instance{t: w.t, name: name, dir: filepath.Join(w.dir, name), out: &output{}}
	i.args = append(args, "--group", w.group, "--instance", name, "--dir", i.dir, "--guarantee", string(w.guarantee),
		"--brokers", strings.Join(w.kafka.brokers, ","), "--replication", fmt.Sprint(w.kafka.replication()))
	w.all = append(w.all, i)
	i.start()
	await(w.t, name+" is ready", func() (bool, error) {
		if i.over() {
			w.t.Fatalf("%s ended: %v", name, i.err)
		}
		return i.out.ready.Load(), nil
	})
	return i
}

// behind returns a proxy, and what has an instance start behind it.
func (w *world) behind() (*proxy, []string) {
	w.t.Helper()
	p, err := newProxy()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.close)
	return p, []string{"--via", p.address()}
}

// fault counts one.
func (w *world) fault() {
	w.row.faults++
	w.t.Logf("fault %d after %v, %d events", w.row.faults, time.Since(w.begun).Round(time.Millisecond), w.watch.seen())
}

// progress waits until so many more events were seen.
func (w *world) progress(events int) {
	w.t.Helper()
	from := w.watch.seen()
	await(w.t, fmt.Sprintf("%d more events are there", events), func() (bool, error) {
		return w.watch.seen() >= from+events, nil
	})
}

// awaitMembers waits until the group has these members and has given them its partitions.
func (w *world) awaitMembers(want ...*instance) {
	w.t.Helper()
	var names []string
	for _, i := range want {
		names = append(names, i.name)
	}
	slices.Sort(names)
	await(w.t, fmt.Sprintf("the group is %v", names), func() (bool, error) {
		groups, err := w.kafka.DescribeGroups(w.t.Context(), w.group)
		if err != nil {
			return false, err
		}
		var have []string
		for _, m := range groups[w.group].Members {
			have = append(have, strings.TrimSuffix(m.ClientID, "-"+w.group))
		}
		slices.Sort(have)
		return groups[w.group].State == "Stable" && slices.Equal(have, names), groups.Error()
	})
}

// awaitCaught waits until a proxy has caught the request.
func (w *world) awaitCaught(caught <-chan struct{}) {
	w.t.Helper()
	select {
	case <-caught:
	case <-time.After(patience):
		w.t.Fatal("waited in vain for a request to be caught")
	}
}

// idle lets a random time pass: the moment of a fault is to be any.
func (w *world) idle(most time.Duration) { time.Sleep(rand.N(most)) }

// look remembers what is in an instance's local stores; it does not run.
func (w *world) look(i *instance) {
	w.t.Helper()
	for _, use := range []string{"processor", "view"} {
		for _, dir := range i.stores(use) {
			for _, c := range rows(w.t, dir) {
				w.found[c] = true
			}
		}
	}
}

// kill kills an instance, and looks at what it left.
func (w *world) kill(i *instance) {
	w.t.Helper()
	i.kill()
	w.look(i)
}
