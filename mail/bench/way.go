package main

// What is held here:
//   - the notifier is the product's, whole, in a process of its own: exactly once, sixteen partitions, a real Kafka;
//   - its clock starts before the first event is handed to Kafka; mails have left when the relay's last 250 came, and are
//     settled when the outbox has committed all it reads;
//   - every mail leaves once at the first attempt, else the measurement fails;
//   - Kafka is the bench's own: one that has Countersign's topics already is left alone.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/app"
	"countersign/mail"
	"countersign/stream/bench/measure"
	"countersign/topics"
	"countersign/user"
)

// wayTimeout is how long the mails of one round may take.
const wayTimeout = 6 * time.Minute

// notifierCmd is the notifier as the product runs it, and a profile of it.
type notifierCmd struct {
	app.Settings `embed:""`
	To           string `help:"Where its CPU profile goes. Defaults to nowhere."`
}

// Run runs the role until standard input ends.
func (c notifierCmd) Run(ctx context.Context) error {
	return measure.Serve(ctx, func(ctx context.Context, ready func()) (err error) {
		watch, stop := context.WithCancel(ctx)
		profiled := make(chan error, 1)
		go func() {
			if awaitReady(watch, c.InternalAddr) {
				ready()
			}
			profiled <- profile(watch, c.To)
		}()
		err = app.Run(ctx, c.Settings, app.Roles{Notifier: true}, io.Discard)
		stop()
		return errors.Join(err, <-profiled)
	})
}

// awaitReady waits until an instance is ready; false if ctx ends first.
func awaitReady(ctx context.Context, addr string) bool {
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
	}
	return false
}

// profile writes a CPU profile of this process up to the end of ctx. An empty name is no file.
func profile(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	<-ctx.Done()
	pprof.StopCPUProfile()
	return nil
}

// way is a Kafka of its own, and what it takes to run the notifier on it.
type way struct {
	brokers []string
	cl      *kgo.Client
	adm     *kadm.Client
	names   []string // of Countersign's topics
}

// newWay looks whether Kafka may be used.
func newWay(ctx context.Context, brokers []string) (*way, error) {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ConsumeTopics(topics.MailDeliveries), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMinBytes(1<<20), kgo.FetchMaxWait(200*time.Millisecond), // what is measured is not who measures
	)
	if err != nil {
		return nil, err
	}
	w := &way{brokers: brokers, cl: cl, adm: kadm.NewClient(cl)}
	for _, t := range topics.All() {
		w.names = append(w.names, t.Name)
	}
	there, err := w.adm.ListTopics(ctx)
	if err == nil && slices.ContainsFunc(w.names, there.Has) {
		err = errors.New("KAFKA_BROKER_LIST names a Kafka that Countersign uses: the bench needs one of its own")
	}
	if err != nil {
		cl.Close()
		return nil, err
	}
	return w, nil
}

// remove deletes what the notifier made.
func (w *way) remove() error {
	defer w.cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	there, err := w.adm.ListTopics(ctx)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(slices.Clone(w.names), func(name string) bool { return !there.Has(name) })
	deleted, err := w.adm.DeleteTopics(ctx, ours...)
	return errors.Join(err, deleted.Error())
}

// seen is what was seen of a round: its cost until the mails had left, and more.
type seen struct {
	cost
	settled time.Duration
	peak    float64 // MiB
}

// send has a notifier send that many mails.
func (w *way) send(ctx context.Context, s *sink, round string, mails int, l letterKind, profile string) (seen seen, err error) {
	ctx, cancel := context.WithTimeout(ctx, wayTimeout)
	defer cancel()
	p, err := w.start(ctx, s, l, profile)
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	before, err := awaitIdle(ctx, p.Process)
	if err != nil {
		return seen, err
	}
	events, err := eventsOf(round, mails, l)
	if err != nil {
		return seen, err
	}
	held, err := w.results(ctx)
	if err != nil {
		return seen, err
	}
	begun := time.Now()
	if err := w.hand(ctx, events); err != nil {
		return seen, err
	}
	if err := w.awaitResults(ctx, held+2*int64(mails)); err != nil {
		return seen, err
	}
	left := departures{}
	if err := w.await(ctx, left, mails); err != nil {
		return seen, err
	}
	settled, err := w.settled(ctx)
	if err != nil {
		return seen, err
	}
	after, err := p.CPU()
	if err != nil {
		return seen, err
	}
	seen.took, seen.settled, seen.cpu = left.last().Sub(begun), settled.Sub(begun), after-before
	seen.peak, err = p.Peak()
	return seen, err
}

// awaitIdle returns what a process has used when it uses next to nothing: one that is ready still looks through the rows of
// earlier rounds for mails that wait.
func awaitIdle(ctx context.Context, p *measure.Process) (used time.Duration, err error) {
	for {
		before := used
		used, err = p.CPU()
		if err != nil || before > 0 && used-before < 30*time.Millisecond {
			return used, err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return used, ctx.Err()
		}
	}
}

// notifier is one that runs, where its internal listener is, and its state.
type notifier struct {
	*measure.Process
	addr, dir string
}

// end stops the notifier and removes its state.
func (n notifier) end() error { return errors.Join(n.Stop(), os.RemoveAll(n.dir)) }

// start starts a notifier and returns when it is ready.
func (w *way) start(ctx context.Context, s *sink, l letterKind, profile string) (n notifier, err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return n, err
	}
	n.addr = free.Addr().String()
	free.Close()
	self, err := os.Executable()
	if err != nil {
		return n, err
	}
	if n.dir, err = os.MkdirTemp("", "bench-mail"); err != nil {
		return n, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(n.dir)
		}
	}()
	n.Process, err = measure.Start(ctx, "the notifier", self, "notifier", "--to="+profile,
		"--kafka-broker-list="+strings.Join(w.brokers, ","), "--kafka-partitions="+strconv.Itoa(partitions), "--replication-factor=1",
		"--smtp-url=smtp://"+s.addr, "--smtp-pool="+strconv.Itoa(connections), "--mail-from="+mailFrom,
		"--template-dir="+l.templates, "--secrets="+secretText, "--public-url="+publicURL, "--internal-addr="+n.addr, "--state-dir="+filepath.Join(n.dir, "state"), "--log-level=warn")
	return n, err
}

// eventsOf makes an event for each mail.
func eventsOf(round string, mails int, l letterKind) (events []*kgo.Record, err error) {
	topic := topics.UserAccountVerified
	if l.kind == mail.VerifyAccount {
		topic = topics.UserAccountCreated
	}
	for n := range mails {
		now := time.Now()
		e := topics.Event{
			ID: fmt.Sprintf("%s-%d", round, n), OccurredAt: now, Sequence: 1, UserID: strconv.Itoa(n),
			Email: recipient(round, n), FirstName: "Ada", LastName: "Lovelace", Locale: "en",
		}
		if l.kind == mail.VerifyAccount {
			e.Verification = &user.CodeRef{
				ID: fmt.Sprintf("%032x", n), Nonce: make([]byte, user.NonceSize), SecretID: "bench", OpenedAt: now, ExpiresAt: now.Add(10 * time.Minute),
			}
		}
		value, err := topics.Encode(e)
		if err != nil {
			return nil, err
		}
		record := &kgo.Record{Topic: topic, Key: []byte(e.Email), Value: value}
		for name, value := range topics.Headers(e.ID, topic, topics.SourceUsers, now, nil) {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: value})
		}
		events = append(events, record)
	}
	return events, nil
}

// hand hands events over to the notifier.
func (w *way) hand(ctx context.Context, events []*kgo.Record) error {
	if err := w.cl.ProduceSync(ctx, events...).FirstErr(); err != nil {
		return fmt.Errorf("hand events to Kafka: %w", err)
	}
	return nil
}

// departures is when each mail left, by its id.
type departures map[string]time.Time

func (d departures) last() time.Time {
	return slices.MaxFunc(slices.Collect(maps.Values(d)), time.Time.Compare)
}

// await returns when that many mails have left.
func (w *way) await(ctx context.Context, left departures, mails int) error {
	for len(left) < mails {
		fetches := w.cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d mails have left: %w", len(left), mails, ctx.Err())
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for r := range fetches.RecordsAll() {
			id, at, err := resultOf(r)
			if err != nil {
				return err
			}
			if id == "" {
				continue
			}
			if before, again := left[id]; again && !before.Equal(at) { // a result may be written twice, of one and the same attempt
				return fmt.Errorf("mail %s was sent twice", id)
			}
			left[id] = at
		}
	}
	return nil
}

// awaitResults returns when mail_deliveries holds so many records. Reading them meanwhile would cost what is measured.
func (w *way) awaitResults(ctx context.Context, records int64) error {
	for {
		written, err := w.results(ctx)
		if err != nil || written >= records {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("mail_deliveries holds %d records of %d: %w", written, records, ctx.Err())
		}
	}
}

// results counts the records that were ever written to mail_deliveries, the markers of transactions among them.
func (w *way) results(ctx context.Context) (records int64, err error) {
	for {
		ends, err := w.adm.ListEndOffsets(ctx, topics.MailDeliveries)
		err = errors.Join(err, ends.Error())
		if errors.Is(err, kerr.UnknownTopicOrPartition) { // it was made after this client looked
			time.Sleep(20 * time.Millisecond)
			continue
		}
		ends.Each(func(end kadm.ListedOffset) { records += end.Offset })
		return records, err
	}
}

// resultOf returns which mail was sent, and when; an empty id where the record tells of something the outbox decided. Its
// headers say it without its value.
func resultOf(r *kgo.Record) (id string, at time.Time, err error) {
	var change []string
	for _, h := range r.Headers {
		switch h.Key {
		case "ce_id":
			change = strings.Split(string(h.Value), "/")
		case "ce_time":
			at, err = time.Parse(time.RFC3339Nano, string(h.Value))
		}
	}
	if len(change) != 5 || err != nil {
		return "", at, fmt.Errorf("%s/%d at %d does not say what it tells of", r.Topic, r.Partition, r.Offset)
	}
	switch {
	case change[4] != string(mail.BySender):
		return "", at, nil
	case change[1] != string(mail.Sent):
		return "", at, fmt.Errorf("mail %s is %s", change[0], change[1])
	}
	return change[0], at, nil
}

// settled returns when the notifier has committed all that its topics hold.
func (w *way) settled(ctx context.Context) (time.Time, error) {
	for ; ; time.Sleep(100 * time.Millisecond) {
		lags, err := w.adm.Lag(ctx, topics.NotificationService)
		if err != nil {
			return time.Time{}, fmt.Errorf("read what the notifier has committed: %w", err)
		}
		lag := lags[topics.NotificationService]
		if err := lag.Error(); err != nil {
			return time.Time{}, err
		}
		if lag.Lag.Total() == 0 {
			return time.Now(), nil
		}
	}
}
