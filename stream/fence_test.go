package stream

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// transaction begins one that writes a value of every key sent to the topics.
func (w *world) transaction(id, value string, topics ...string) *kgo.Client {
	w.t.Helper()
	cl, err := w.admin.newClient("other", append(w.admin.producing(),
		kgo.TransactionalID(id), kgo.TransactionTimeout(10*time.Minute))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	for key := range w.keys {
		for _, topic := range topics {
			r := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
			if err := cl.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return cl
}

func TestProcessor_DeadInstancesOpenTransaction_IsFencedAndInvisible(t *testing.T) {
	for name, topics := range map[string]func(*world) []string{
		"rows and events": func(w *world) []string { return []string{w.group + "-table", w.out} },
		"events only":     func(w *world) []string { return []string{w.out} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ExactlyOnce)
			w.send(100)
			w.transaction(w.group+"-dead-0", "1000", topics(w)...).Close()
			begun := time.Now()
			c := w.dial("a")
			w.process(c, ProcessorConfig{Graph: w.counting()})
			v, _ := w.view(c, ViewConfig{})
			w.awaitExact(v)
			w.checkEvents()
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("readable after %v", took)
			}
		})
	}
}

func TestProcessor_TransactionsOfMembersAndOtherGroups_AreNotFenced(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	held, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	hold := w.countingBut(func(goka.Context) {
		first.Do(func() {
			close(held)
			<-release
		})
	})
	p, _ := w.process(w.dial("a"), ProcessorConfig{Graph: w.counting()})
	other, _ := w.process(w.dial("b"), ProcessorConfig{Graph: hold})
	w.await("both have partitions", func() bool { return len(p.Status().Partitions) == 2 && len(other.Status().Partitions) == 2 })
	w.send(200)
	<-held
	w.ensure(Topic{Name: w.group + "-foreign", Partitions: 1})
	foreign := w.transaction(w.group+"-more-b-0", "1", w.group+"-foreign")
	open := []string{w.group + "-b-0", w.group + "-more-b-0"}
	w.await("both are seen", func() bool {
		listed, err := w.admin.adm.ListTransactions(t.Context(), nil, []string{"Ongoing"})
		return err == nil && !slices.ContainsFunc(open, func(id string) bool { return listed[id].TxnID == "" })
	})
	for range 3 {
		if dead, err := p.deadTransactions(t.Context()); len(dead) > 0 || err != nil {
			t.Errorf("dead are %v (%v)", dead, err)
		}
	}
	close(release)
	if err := foreign.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
		t.Error(err)
	}
	v, _ := w.view(w.admin, ViewConfig{})
	w.awaitExact(v)
	w.checkEvents()
	if n := other.Status().Failure; n != nil {
		t.Errorf("a life ended: %v", n)
	}
}
