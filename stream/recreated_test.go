package stream

import (
	"testing"
	"time"
)

// recreate deletes a topic and makes it again, empty.
func (w *world) recreate(topic Topic) {
	w.t.Helper()
	if _, err := w.admin.adm.DeleteTopic(w.t.Context(), topic.Name); err != nil {
		w.t.Fatal(err)
	}
	w.await("the topic is gone", func() bool {
		there, err := w.admin.adm.ListTopics(w.t.Context(), topic.Name)
		return err == nil && !there.Has(topic.Name)
	})
	if err := w.admin.Ensure(w.t.Context(), []Topic{topic}); err != nil {
		w.t.Fatal(err)
	}
	w.producer().PurgeTopicsFromClient(topic.Name)
}

func TestProcessor_InputMadeAnew_BeginsAtItsStart(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		e := listen(t, c)
		_, p := w.process(c, ProcessorConfig{Graph: w.counting()})
		v, _ := w.view(c, ViewConfig{})
		w.send(400)
		w.awaitExact(v)
		p.stop()
		former, err := w.admin.adm.FetchOffsets(t.Context(), w.group)
		if err != nil {
			t.Fatal(err)
		}
		w.recreate(Topic{Name: w.in, Partitions: 4})
		w.send(1000)
		if err := w.admin.adm.CommitAllOffsets(t.Context(), w.group, former.Offsets()); err != nil { // as a restored backup has them
			t.Fatal(err)
		}
		w.process(c, ProcessorConfig{Graph: w.counting()})
		w.awaitExact(v)
		w.checkEvents()
		if !e.has("begins at its start", w.in) {
			t.Error("nothing is said of it")
		}
	})
}

func TestProcessor_CommitOfAnotherClient_IsTaken(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.send(400)
	if err := w.producer().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	ends, err := w.admin.adm.ListEndOffsets(t.Context(), w.in)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.admin.adm.CommitAllOffsets(t.Context(), w.group, ends.Offsets()); err != nil {
		t.Fatal(err)
	}
	clear(w.keys)
	w.sent.Store(0)
	c := w.dial("a")
	w.process(c, ProcessorConfig{Graph: w.counting()})
	v, _ := w.view(c, ViewConfig{})
	w.send(400)
	w.awaitExact(v)
	w.checkEvents()
}

func TestProcessor_InputMadeAnewWhileItRuns_GoesOnWithTheNewOne(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		w.process(c, ProcessorConfig{Graph: w.counting()})
		v, _ := w.view(c, ViewConfig{})
		w.send(400)
		w.awaitExact(v)
		w.recreate(Topic{Name: w.in, Partitions: 4})
		w.send(1000)
		w.awaitExact(v)
		w.checkEvents()
	})
}

func TestProcessor_TableMadeAnewWhileItRuns_BeginsWithAnEmptyOne(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		p, _ := w.process(c, ProcessorConfig{Graph: w.counting()})
		v, _ := w.view(c, ViewConfig{})
		w.send(400)
		w.awaitExact(v)
		begun := time.Now()
		w.recreate(Topic{w.group + "-table", 4, map[string]string{"cleanup.policy": "compact"}})
		for _, health := range []func() Health{p.Health, v.Health} {
			w.await("it has begun anew", func() bool { h := health(); return h.Ready && h.Since.After(begun) })
		}
		clear(w.keys)
		w.sent.Store(0)
		w.send(400)
		w.awaitExact(v)
	})
}
