package e2e

// Every mail once, whatever happens to the notifier (make chaos-mail): events come at a steady rate, notifiers die, leave and
// pause, the relay goes away and loses answers; then every mail is counted by its Message-ID, and the counts are printed.

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
	"countersign/user"
)

const (
	faultyRate  = 5 * time.Millisecond // between two events
	joinEvery   = 2 * time.Second
	pausedFor   = 9 * time.Second // beyond the session timeout
	connections = 16              // of a notifier
	underWay    = 8 * connections // at most so many mails are, the results that are not acknowledged among them, when it dies
)

func TestMailFaults(t *testing.T) {
	scale, _ := strconv.Atoi(os.Getenv("MAIL_FAULTS"))
	if scale == 0 {
		t.Skip("runs with make chaos-mail: MAIL_FAULTS says how often each fault comes")
	}
	onRealKafka(t)
	if os.Getenv("KAFKA_DIR") == "" {
		t.Skip("KAFKA_DIR is not set: this Kafka is not ours to restart")
	}
	results := [][]string{{"scenario", "events", "cuts, lost answers", "mails", "twice", "may be", "lost", "other id", "first left s", "all left s", "drained s"}}
	run := func(name string, notifiers int, faults func(*faulty)) {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			f := newFaulty(t, notifiers)
			results = append(results, append([]string{name}, f.during(faults)...))
		})
	}
	killedAt := stages()
	if scale == 1 {
		killedAt = []string{atRCPT, atContent, afterwards} // where it differs what the relay has
	}
	for _, stage := range killedAt {
		run("kill -9 at "+stage, 1, func(f *faulty) {
			for range scale {
				f.killAt(stage, f.all[0])
				f.replaces(f.all[0])
			}
		})
	}
	run("kill -9 of two in turn", 2, func(f *faulty) {
		for n := range 2 * scale {
			f.killAt(stages()[n%len(stages())], f.all[n%2])
			f.replaces(f.all[n%2])
		}
	})
	run("joins and leaves every 2 s", 3, func(f *faulty) {
		f.relay.isSlow()
		for range 4 * scale {
			f.wait(joinEvery)
			f.all[2].stop(f.t, syscall.SIGTERM)
			f.wait(joinEvery)
			f.all[2].start(f.t)
		}
	})
	run("restarts of the only one", 1, func(f *faulty) {
		f.relay.isSlow()
		for range 2 * scale {
			f.wait(joinEvery)
			f.all[0].stop(f.t, syscall.SIGTERM)
			f.all[0].start(f.t).awaitReady(f.t)
		}
	})
	run("SIGSTOP beyond the session", 2, func(f *faulty) {
		for range scale {
			f.wait(joinEvery)
			f.cut(1, 1, func() { // what was under way had a new owner
				f.signal(f.all[0], syscall.SIGSTOP)
				f.wait(pausedFor)
				f.signal(f.all[0], syscall.SIGCONT)
			})
		}
	})
	run("relay away for 2 s", 2, func(f *faulty) {
		for range scale {
			f.wait(joinEvery)
			f.relayGoes()
		}
	})
	run("answers lost", 2, func(f *faulty) {
		f.relay.cut(20 * scale)
		f.wait(2 * joinEvery)
	})
	if scale > 1 { // what takes minutes
		run("Kafka restarted", 2, func(f *faulty) {
			for range scale {
				f.wait(joinEvery)
				f.kafkaRestarts()
			}
		})
		run("all of it", 3, func(f *faulty) {
			for n := range scale {
				f.relay.cut(10)
				f.killAt(stages()[n%len(stages())], f.all[n%2])
				f.relayGoes()
				f.all[2].stop(f.t, syscall.SIGTERM)
				f.kafkaRestarts()
				f.all[2].start(f.t)
				f.replaces(f.all[n%2])
			}
		})
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range results {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	check(t, w.Flush())
	t.Log("\n" + table.String())
}

// faulty is notifiers under load, and what is done to them.
type faulty struct {
	t     *testing.T
	s     *system
	relay *stagedRelay
	all   []*process
	cuts  []cut
	// first and last are the longest from a ready successor until the first and the last that was left were mailed.
	first, last time.Duration

	mu    sync.Mutex
	asked map[string]time.Time // by address: when its event was written
}

// cut is a kill, and what is as bad: all that a notifier had under way may have been cut off.
type cut struct {
	began, ended time.Time
	// notifiers is how many it cut off, each is how often that may have been the same mail.
	notifiers, each int
}

// cut notes what is done to notifiers.
func (f *faulty) cut(notifiers, each int, done func()) {
	c := cut{began: time.Now(), notifiers: notifiers, each: each}
	done()
	c.ended = time.Now()
	f.cuts = append(f.cuts, c)
}

// copies is how often the mail to an address may come: once more for each cut between its event and its last copy, and
// for each of its answers that was lost.
func (f *faulty) copies(address string) int {
	most := 1 + f.relay.lost[address]
	for _, c := range f.cuts {
		if c.ended.After(f.asked[address]) && c.began.Before(f.relay.last[address]) {
			most += c.each
		}
	}
	return most
}

func newFaulty(t *testing.T, notifiers int) *faulty {
	t.Helper()
	f := &faulty{t: t, relay: newStagedRelay(t), asked: map[string]time.Time{}}
	env := settings(newMailbox(t), map[string]string{
		"SMTP_URL": "smtp://user:pa55word@" + f.relay.address, "SMTP_CA_FILE": f.relay.caFile, "SMTP_POOL": strconv.Itoa(connections),
	})
	for range notifiers {
		f.all = append(f.all, newProcess(t, env, "serve", "notifier"))
	}
	f.s = &system{notifiers: f.all, brokers: brokers()}
	for _, p := range f.all {
		p.start(t)
	}
	for _, p := range f.all {
		p.awaitReady(t)
	}
	return f
}

// during lets the faults happen under load, waits until all is mailed, and counts.
func (f *faulty) during(faults func(*faulty)) []string {
	f.t.Helper()
	ctx, enough := context.WithCancel(f.t.Context())
	var load sync.WaitGroup
	load.Go(func() { f.asks(ctx) })
	f.wait(joinEvery)
	faults(f)
	f.wait(joinEvery)
	enough()
	load.Wait()
	f.relay.cut(0)
	mailed := func() bool {
		f.relay.mu.Lock()
		defer f.relay.mu.Unlock()
		return len(f.relay.taken) >= len(f.asked)
	}
	if !eventually(f.t.Context(), mailWithin, mailed) {
		f.t.Errorf("%d of %d are mailed", len(f.relay.taken), len(f.asked))
	}
	drained := time.Since(slices.MaxFunc(slices.Collect(maps.Values(f.asked)), time.Time.Compare))
	f.s.awaitRest(f.t)
	for _, p := range f.all {
		if !p.over() {
			p.stop(f.t, syscall.SIGTERM)
		}
	}
	return f.counts(drained)
}

// asks writes events of new accounts as the user service does, until ctx ends.
func (f *faulty) asks(ctx context.Context) {
	client := f.s.connect(f.t)
	defer client.Close()
	keys, err := user.ParseSecrets(secrets)
	check(f.t, err)
	var acknowledged sync.WaitGroup
	tick := time.NewTicker(faultyRate)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		address := fmt.Sprintf("ada-%s@d%d.example.org", strings.ToLower(rand.Text()), n%50)
		c := user.Command{
			ID: uuid.NewString(), Type: user.Register, Email: address, VerificationID: uuid.NewString(), FirstName: "Ada",
			IssuedAt: time.Now(), Policy: user.DefaultPolicy(),
		}
		c.SetCode(keys.First(), make([]byte, user.NonceSize))
		_, events, _ := user.Step(user.State{}, c, time.Now())
		r := record(f.t, events[0].ID, topics.SourceUsers, topics.UserAccountCreated, address, events[0])
		f.mu.Lock()
		f.asked[address] = time.Now()
		f.mu.Unlock()
		acknowledged.Add(1)
		client.Produce(context.WithoutCancel(ctx), r, func(_ *kgo.Record, err error) {
			if err != nil {
				f.t.Errorf("write an event: %v", err)
			}
			acknowledged.Done()
		})
		<-tick.C
	}
	acknowledged.Wait()
}

// killAt kills a notifier when a conversation stands at the stage.
func (f *faulty) killAt(stage string, victim *process) {
	f.t.Helper()
	held := f.relay.holdAt(stage)
	defer f.relay.letGo()
	select {
	case <-held:
	case <-time.After(mailWithin):
		f.t.Fatalf("no conversation comes to %s", stage)
	}
	f.cut(1, 1, func() { victim.kill(f.t) })
}

// relayGoes has the relay away for a while.
func (f *faulty) relayGoes() {
	f.t.Helper()
	f.cut(len(f.all), 1, func() { // a mail is in one notifier's hands
		f.relay.close()
		f.wait(joinEvery)
		f.relay.open(f.t)
	})
}

// kafkaRestarts stops Kafka in order and starts it again. A result that could not be written meanwhile is as good as none.
// The only node of a Kafka that is killed instead may lose the end of a transaction (docs/chaos.md).
func (f *faulty) kafkaRestarts() {
	f.t.Helper()
	dir := os.Getenv("KAFKA_DIR")
	f.cut(len(f.all), len(f.all), func() { // whose session ends hands its mails on, and that may be several in turn
		check(f.t, signalKafka(dir, syscall.SIGTERM))
		if !eventually(f.t.Context(), readyWithin, func() bool { return signalKafka(dir, 0) != nil }) {
			f.t.Fatal("Kafka does not stop")
		}
		if out, err := exec.Command("../.ci/kafka", "start", dir).CombinedOutput(); err != nil {
			f.t.Fatalf(".ci/kafka start: %v: %s", err, out)
		}
	})
}

// replaces starts the one that was killed again, and waits until all that was asked for before is mailed.
func (f *faulty) replaces(p *process) {
	f.t.Helper()
	f.mu.Lock()
	left := slices.Collect(maps.Keys(f.asked))
	f.mu.Unlock()
	mailedBut := func(most int) (took time.Duration) {
		began := time.Now()
		if !eventually(f.t.Context(), mailWithin, func() bool {
			f.relay.mu.Lock()
			defer f.relay.mu.Unlock()
			left = slices.DeleteFunc(left, func(address string) bool { return f.relay.taken[address] != nil })
			return len(left) <= most
		}) {
			f.t.Errorf("%d mails that were left are not picked up", len(left))
		}
		return time.Since(began)
	}
	mailedBut(len(left)) // forgets what is mailed already
	p.start(f.t).awaitReady(f.t)
	first := mailedBut(max(0, len(left)-1))
	f.first, f.last = max(f.first, first), max(f.last, first+mailedBut(0))
}

func (f *faulty) signal(p *process, s syscall.Signal) {
	f.t.Helper()
	check(f.t, p.cmd.Process.Signal(s))
}

func (f *faulty) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-f.t.Context().Done():
	}
}

// counts compares what was taken with what was asked for.
func (f *faulty) counts(drained time.Duration) []string {
	f.t.Helper()
	f.relay.mu.Lock()
	defer f.relay.mu.Unlock()
	mails, twice, lost, other := 0, 0, 0, 0
	answers, cuts := 0, 0
	for _, of := range f.relay.lost {
		answers += of
	}
	for _, c := range f.cuts {
		cuts += c.notifiers
	}
	for address := range f.asked {
		copies := f.relay.taken[address]
		n := 0
		for _, of := range copies {
			n += of
		}
		mails += n
		twice += max(n-1, 0)
		if n == 0 {
			lost++
		}
		if len(copies) > 1 {
			other++
		}
		if most := f.copies(address); n > most {
			f.t.Errorf("one mail came %d times, with cuts and lost answers for %d", n, most)
		}
	}
	allowed := cuts*underWay + answers
	if lost > 0 || other > 0 || twice > allowed || len(f.relay.taken) > len(f.asked) {
		f.t.Errorf("%d lost, %d with another Message-ID, %d twice (at most %d), %d to strangers", lost, other, twice, allowed, len(f.relay.taken)-len(f.asked))
	}
	return []string{
		strconv.Itoa(len(f.asked)), strconv.Itoa(cuts + answers), strconv.Itoa(mails), strconv.Itoa(twice), strconv.Itoa(allowed),
		strconv.Itoa(lost), strconv.Itoa(other), seconds(f.first), seconds(f.last), seconds(drained),
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
