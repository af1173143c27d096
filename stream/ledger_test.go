package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func (w *world) ledger(c *Cluster) *Ledger {
	w.t.Helper()
	l, err := c.NewLedger(LedgerConfig{Name: w.group + "-ledger", Topic: w.in})
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// once writes a job's record to the output topic unless the ledger says that this was done, and says so in it.
func (w *world) once(job string) func(iter.Seq[Record]) []Record {
	return func(past iter.Seq[Record]) []Record {
		for r := range past {
			if r.Key == job {
				return nil
			}
		}
		return []Record{{Topic: w.out, Key: job, Value: []byte("1")}, {Topic: w.in, Key: job, Headers: map[string][]byte{"done": nil}}}
	}
}

func TestLedger_WhoeverWritesAtOnce_EachJobIsDoneOnce(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	const jobs = 5
	var writers sync.WaitGroup
	for _, instance := range []string{"a", "b"} {
		l := w.ledger(w.dial(instance))
		for range 2 {
			writers.Go(func() {
				for i := range jobs {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					if err := l.Write(ctx, w.once(fmt.Sprint("job", i))); err != nil {
						t.Errorf("job %d: %v", i, err)
					}
					cancel()
				}
			})
		}
	}
	writers.Wait()
	for _, topic := range []string{w.in, w.out} {
		if n := len(w.read(topic, jobs)); n != jobs {
			t.Errorf("%s has %d records, want %d", topic, n, jobs)
		}
	}
}

func TestLedger_AtLeastOnce_EachJobIsDoneOnceWithinAProcess(t *testing.T) {
	w := newWorld(t, AtLeastOnce)
	l := w.ledger(w.dial("a"))
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			if err := l.Write(t.Context(), w.once("job")); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if n := len(w.read(w.out, 1)); n != 1 {
		t.Errorf("it was done %d times", n)
	}
}

func TestLedger_AWriterThatDiedBetweenItsWrites_LeftNothing_AndCannotComeBack(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	l := w.ledger(w.dial("a"))
	dead, err := w.dial("b").newClient("dead", append(w.admin.producing(), kgo.TransactionalID(l.cfg.Name))...)
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	if err := dead.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	half := &kgo.Record{Topic: w.out, Key: []byte("job"), Value: []byte("dead")}
	if err := dead.ProduceSync(t.Context(), half).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Write(t.Context(), w.once("job")); err != nil {
			t.Fatal(err)
		}
	}
	if err := dead.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("the dead one committed")
	}
	if all := w.read(w.out, 1); len(all) != 1 || string(all[0].Value) != "1" {
		t.Errorf("%d records, the first %s", len(all), all[0].Value)
	}
}

// A record that is written, and not committed yet, may be what must be known.
func TestLedger_WhileATransactionOfOthersIsOpen_Waits(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	other, err := w.dial("b").newClient("other", append(w.admin.producing(), kgo.TransactionalID(w.group+"-other"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := other.ProduceSync(t.Context(), &kgo.Record{Topic: w.in, Key: []byte("job")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	l := w.ledger(w.dial("a"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := l.Write(ctx, w.once("job")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("while it is open: %v", err)
	}
	if err := other.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if err := l.Write(t.Context(), w.once("job")); err != nil {
		t.Fatal(err)
	}
	if n := len(w.read(w.out, 0)); n != 0 {
		t.Errorf("it was done %d times, and had been done before", n)
	}
}

func TestLedger_KafkaIsAway_SaysThatNothingWasDone(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	l := w.ledger(w.dial("a"))
	w.net.set(cut)
	defer w.net.set(whole)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := l.Write(ctx, w.once("job")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

func TestLedger_APermissionIsMissing_IsNamedByTheCommandThatGivesIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l, err := s.user.NewLedger(LedgerConfig{Name: s.group + "-ledger", Topic: s.group + "-in"})
	if err != nil {
		t.Fatal(err)
	}
	once := (&world{in: s.group + "-in", out: s.group + "-out"}).once
	for _, a := range []access{{"Write", "transactional-id", s.group + "-"}, {"Write", "topic", s.group + "-out"}, {"Read", "topic", s.group + "-in"}} {
		s.revoke(a)
		named := a
		if a.resource == "transactional-id" {
			named.name = l.cfg.Name
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := l.Write(ctx, once("job")); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), s.command(named)) {
			t.Errorf("without %v: %v", a, err)
		}
		cancel()
		s.grant(a)
	}
	if err := l.Write(t.Context(), once("job")); err != nil {
		t.Errorf("with all of them: %v", err)
	}
}
