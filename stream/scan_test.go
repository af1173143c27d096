package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// put writes a record with a time of its own, and waits until it is there.
func (w *world) put(topic, key, value string, at time.Time) {
	w.t.Helper()
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value), Timestamp: at}
	if err := w.producer().ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// scanned are the values of a scan in their order, and what ended it.
func (w *world) scanned(ctx context.Context, since time.Time, topics ...string) (values []string, err error) {
	w.t.Helper()
	for r, failed := range w.admin.Scan(ctx, topics, "k", since) {
		if err = failed; err == nil {
			values = append(values, string(r.Value))
		}
	}
	return values, err
}

// wantScanned fails unless a scan finds these values and comes to its end. The markers of a transaction that has ended
// may come a little later.
func (w *world) wantScanned(since time.Time, want ...string) {
	w.t.Helper()
	w.await(fmt.Sprintf("a scan finds %q", want), func() bool {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		values, err := w.scanned(ctx, since, w.in, w.out)
		return err == nil && slices.Equal(values, want)
	})
}

// begun is a time of which no test speaks.
var begun = time.Now().Add(-time.Hour).Truncate(time.Millisecond)

func minute(n int) time.Time { return begun.Add(time.Duration(n) * time.Minute) }

func TestScan_OfSeveralTopics_ShowsAKeysRecordsInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	w.put(w.in, "k", "1", minute(1))
	w.put(w.out, "k", "2", minute(2))
	w.put(w.out, "other", "not wanted", minute(3))
	w.put(w.out, "k", "4", minute(5))
	w.put(w.in, "k", "3", minute(4))
	w.put(w.out, "k", "6", minute(5))
	w.put(w.in, "k", "5", minute(5)) // at equal times the topic that is named first comes first
	w.wantScanned(minute(0), "1", "2", "3", "5", "4", "6")
	w.wantScanned(minute(4), "3", "5", "4", "6")
	w.wantScanned(minute(6))
	w.wantScanned(time.Now().Add(time.Hour))
	for r, err := range w.admin.Scan(t.Context(), []string{w.out}, "k", minute(2)) {
		if err != nil || r.Topic != w.out || r.Key != "k" || r.Offset != 0 || !r.At.Equal(minute(2)) || r.Partition != partitionOf("k") {
			t.Errorf("the first is %+v, %v", r, err)
		}
		break
	}
}

// partitionOf is where the producers put a key.
func partitionOf(key string) int32 {
	h := newHasher()
	_, _ = h.Write([]byte(key))
	return int32(h.Sum32() % 4)
}

func TestScan_OfTransactions_ShowsWhatIsCommitted_AndDoesNotWaitForWhatIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	cl, err := w.dial("writer").newClient("writer", append(w.admin.producing(), kgo.TransactionalID(w.group))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	write := func(value string) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: w.in, Key: []byte("k"), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	end := func(how kgo.TransactionEndTry) {
		t.Helper()
		if err := cl.EndTransaction(t.Context(), how); err != nil {
			t.Fatal(err)
		}
	}
	write("aborted")
	end(kgo.TryAbort)
	w.wantScanned(begun)
	write("1")
	end(kgo.TryCommit)
	w.wantScanned(begun, "1")
	write("open")
	w.put(w.in, "k", "behind it", time.Now())
	w.wantScanned(begun, "1")
	end(kgo.TryCommit)
	w.wantScanned(begun, "1", "open", "behind it")
}

func TestScan_OfATopicWithoutItsFirstRecords_BeginsWithWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	for i := range 5 {
		w.put(w.in, "k", fmt.Sprint(i), minute(i))
	}
	w.expire(w.in, 3)
	w.wantScanned(minute(0), "3", "4")
	w.expire(w.in, 5)
	w.wantScanned(minute(0))
}

func TestScan_OfACompactedTopic_PassesOverTheHoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	table := w.group + "-compacted"
	w.ensure(Topic{table, 4, map[string]string{
		"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0",
	}})
	for i := range 5 {
		w.put(table, "k", fmt.Sprint(i), minute(i))
	}
	filler := "filler"
	for partitionOf(filler) != partitionOf("k") {
		filler += "!"
	}
	w.await("Kafka has compacted the topic", func() bool {
		w.put(table, filler, "so that a segment ends", time.Now())
		if w.fake != nil {
			w.fake.Compact()
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		values, err := w.scanned(ctx, minute(0), table)
		return err == nil && slices.Equal(values, []string{"4"})
	})
}

func TestScan_ThatIsCut_SaysUpToWhenNothingIsMissing_AndGoesOnThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	for i := range 1000 {
		w.put(w.in, "k", fmt.Sprint(i), minute(0).Add(time.Duration(i)*time.Second))
	}
	seen := map[string]int{}
	since := minute(0)
	for round, whole := 0, false; !whole && round < 20; round++ {
		ctx, stop := context.WithCancel(t.Context())
		n := 0
		whole = true
		for r, err := range w.admin.Scan(ctx, []string{w.in, w.out}, "k", since) {
			if cut := (*CutError)(nil); errors.As(err, &cut) {
				since, whole = cut.Until, false
				break
			}
			seen[string(r.Value)]++
			if n++; n == 100 {
				stop()
			}
		}
		stop()
	}
	again := 0
	for i := range 1000 {
		switch seen[fmt.Sprint(i)] {
		case 0:
			t.Errorf("%d is missing", i)
		case 1:
		default:
			again++
		}
	}
	if again > 20 { // one each time
		t.Errorf("%d were shown again", again)
	}
}

func TestScan_WhileBrokersAreAway_EndsInTimeAndSaysWhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ExactlyOnce)
	w.put(w.in, "k", "1", minute(1))
	w.wantScanned(minute(0), "1")
	w.net.set(cut)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	values, err := w.scanned(ctx, minute(0), w.in, w.out)
	var gone *CutError
	if !errors.As(err, &gone) || len(values) > 0 || !gone.Until.Equal(minute(0)) || !slices.Equal(gone.Topics, []string{w.in, w.out}) {
		t.Errorf("scanned %q, %v", values, err)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	w.net.set(whole)
	w.wantScanned(minute(0), "1")
}

// expire deletes the first records of a topic, up to an offset of the key's partition.
func (w *world) expire(topic string, before int64) {
	w.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partitionOf("k"), before, -1)
	if deleted, err := w.admin.adm.DeleteRecords(w.t.Context(), offsets); errors.Join(err, deleted.Error()) != nil {
		w.t.Fatal(err, deleted.Error())
	}
}

func TestScan_OfATopicThatMayNotBeRead_NamesThePermission(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	secret := s.group + "-in"
	producer, err := s.admin.newClient("producer", s.admin.producing()...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: secret, Key: []byte("k")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s.revoke(access{"Read", "topic", secret})
	var last error
	for _, err := range s.user.Scan(t.Context(), []string{s.group + "-table", secret}, "k", time.Now().Add(-time.Hour)) {
		last = err
	}
	var gone *CutError
	if !errors.As(last, &gone) || !strings.Contains(last.Error(), "--operation Read --topic "+secret) {
		t.Errorf("it ended with %v", last)
	}
}
