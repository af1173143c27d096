package stream

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestProcessor_AfterThousandsOfRecords_TableEventsAndViewAddUp(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		_, p := w.process(c, ProcessorConfig{Graph: w.counting()})
		v, _ := w.view(c, ViewConfig{})
		w.send(5000)
		w.awaitExact(v)

		p.stop()
		w.send(1000)
		_, p = w.process(c, ProcessorConfig{Graph: w.counting()})
		w.awaitExact(v)

		p.stop()
		stores, err := filepath.Glob(filepath.Join(w.dir, "a", "*", "*", "processor"))
		if err != nil || len(stores) != 1 {
			t.Fatalf("stores %v: %v", stores, err)
		}
		if err := os.RemoveAll(stores[0]); err != nil {
			t.Fatal(err)
		}
		w.send(1000)
		w.process(c, ProcessorConfig{Graph: w.counting()})
		w.awaitExact(v)
		fresh, _ := w.view(w.dial("b"), ViewConfig{})
		w.awaitExact(fresh)
		w.checkEvents()
	})
}

func TestProcessor_ThatLingers_SendsTogetherWhatRecordsThatCameTogetherEmit(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c, seen := w.dialCounting("a")
	v, _ := w.view(w.admin, ViewConfig{})
	w.send(1000)
	slow := w.countingBut(func(goka.Context) { time.Sleep(time.Millisecond) })
	w.process(c, ProcessorConfig{Graph: slow, Linger: 5 * time.Second})
	w.awaitExact(v)
	if n := seen.count(kmsg.Produce); n > 20 {
		t.Errorf("%d requests to produce for 1000 records", n)
	}
}

func TestProcessor_ThatLingers_TakesWhatGathersInOneTransaction(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c, seen := w.dialCounting("a")
	v, _ := w.view(w.admin, ViewConfig{})
	w.process(c, ProcessorConfig{Graph: w.counting(), Linger: time.Second})
	for range 20 { // each takes longer than a transaction
		w.trickle(1, 30*time.Millisecond)
	}
	w.awaitExact(v)
	if n := seen.count(kmsg.EndTxn); n > 10 {
		t.Errorf("%d transactions for 20 records", n)
	}
	w.checkEvents()
}

func TestProcessor_MembersJoiningAndLeavingUnderLoad_StaysExact(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		for _, w.standby = range []bool{true, false} {
			a, b := w.dial("a"), w.dial("b")
			_, stays := w.process(a, ProcessorConfig{Graph: w.counting()})
			v, view := w.view(a, ViewConfig{})
			var load sync.WaitGroup
			over := w.sent.Load() + 2000
			load.Go(func() { w.trickle(2000, time.Millisecond) })
			for w.sent.Load() < over {
				_, p := w.process(b, ProcessorConfig{Graph: w.counting()})
				from := w.sent.Load()
				w.await("the load goes on", func() bool { return w.sent.Load() >= min(from+300, over) })
				p.stop()
			}
			load.Wait()
			w.awaitExact(v)
			w.checkEvents()
			view.stop()
			stays.stop()
		}
	})
}

func TestProcessor_MemberVanishes_AnotherGoesOnExactly(t *testing.T) {
	for _, standby := range []bool{true, false} {
		t.Run(fmt.Sprintf("standby %v", standby), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ExactlyOnce)
			w.standby = standby
			whole, cable := w.net, &network{}
			w.process(w.dial("a"), ProcessorConfig{Graph: w.counting()})
			w.net = cable
			b := w.dial("b")
			w.net = whole
			_, vanishes := w.process(b, ProcessorConfig{Graph: w.counting()})
			v, _ := w.view(w.admin, ViewConfig{})
			var load sync.WaitGroup
			load.Go(func() { w.trickle(1000, time.Millisecond) })
			w.await("the load goes on", func() bool { return w.sent.Load() > 500 })
			cable.set(cut)
			vanishes.stop()
			load.Wait()
			w.awaitExact(v)
			w.checkEvents()
		})
	}
}

func TestProcessor_CallbackPanics_LeavesNothingReadableAndGoesOn(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	var calls atomic.Int64
	graph := w.countingBut(func(goka.Context) {
		if n := calls.Add(1); n == 700 || n == 1500 {
			panic("after the emits")
		}
	})
	c := w.dial("a")
	p, _ := w.process(c, ProcessorConfig{Graph: graph})
	v, _ := w.view(c, ViewConfig{})
	w.send(3000)
	w.awaitExact(v)
	w.checkEvents()
	if calls.Load() <= 3000 {
		t.Error("no record was processed again: nothing was left")
	}
	if err := p.VisitAll(t.Context(), "add", 10); err != nil {
		t.Fatal(err)
	}
	for key := range w.keys {
		w.keys[key] += 10
		w.sent.Add(10)
	}
	w.awaitExact(v)
}

func TestProcessor_FencedByItsOwnName_CannotCommit(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	held, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	zombie, err := w.dial("a").NewProcessor(ProcessorConfig{Graph: w.countingBut(func(goka.Context) {
		first.Do(func() {
			close(held)
			<-release
		})
	})})
	if err != nil {
		t.Fatal(err)
	}
	z := start(t, zombie.Run)
	w.send(200)
	<-held // with an open transaction

	w.dir = t.TempDir() // the same name, another place
	c := w.dial("a")
	successor, err := c.NewProcessor(ProcessorConfig{Graph: w.counting()})
	if err != nil {
		t.Fatal(err)
	}
	start(t, successor.Run)
	v, _ := w.view(c, ViewConfig{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		z.stop()
	}()
	w.await("the zombie is told to stop", func() bool { return !zombie.Health().Ready })
	close(release)
	<-stopped
	w.send(200)
	w.awaitExact(v)
	w.checkEvents()
}

func TestProcessor_MoreInstancesThanPartitions_StayReady(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		var all []*Processor
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			p, err := w.dial(name).NewProcessor(ProcessorConfig{Graph: w.counting()})
			if err != nil {
				t.Fatal(err)
			}
			start(t, p.Run)
			all = append(all, p)
		}
		ready := func() bool {
			for _, p := range all {
				if !p.Health().Ready {
					return false
				}
			}
			return true
		}
		w.await("all five are ready", ready)
		v, _ := w.view(w.admin, ViewConfig{})
		w.send(1000)
		w.awaitExact(v)
		w.await("all five are still ready", ready)
		if idle := all[4].Health(); idle.Behind > time.Second {
			t.Errorf("the idle one is %v behind", idle.Behind)
		}
	})
}

func TestProcessor_SeveralInputs_AreProcessedTogether(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		more := []string{w.group + "-more", w.group + "-most"}
		var edges []goka.Edge
		for _, topic := range more {
			w.ensure(Topic{Name: topic, Partitions: 4})
			edges = append(edges, Input(goka.Stream(topic), textCodec{}, func(ctx goka.Context, _ any) {
				n, _ := ctx.Value().(int)
				ctx.SetValue(n + 1)
			}))
		}
		c := w.dial("a")
		w.process(c, ProcessorConfig{Graph: w.counting(edges...)})
		v, _ := w.view(c, ViewConfig{})
		w.send(1000)
		for _, topic := range more {
			for range 500 {
				w.produce(&kgo.Record{Topic: topic, Key: []byte("k1"), Value: []byte("1")})
			}
		}
		w.awaitExact(v)
	})
}

func TestProcessor_EmptyKeysAndValues_ReachTheCallback(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		var empty atomic.Int64
		c := w.dial("a")
		graph := goka.DefineGroup(goka.Group(w.group),
			Input(goka.Stream(w.in), textCodec{}, func(ctx goka.Context, text any) {
				if text == "" {
					empty.Add(1)
				}
				n, _ := ctx.Value().(int)
				ctx.SetValue(n + 1)
			}), goka.Persist(intCodec{}))
		p, stop := w.process(c, ProcessorConfig{Graph: graph})
		v, _ := w.view(c, ViewConfig{})
		w.send(10)
		w.produce(&kgo.Record{Topic: w.in, Key: []byte("k1")})
		w.produce(&kgo.Record{Topic: w.in, Key: []byte{}, Value: []byte("1")})
		w.awaitExact(v)
		if n := empty.Load(); n != 1 {
			t.Errorf("%d empty values reached the codec, want 1", n)
		}
		w.sent.Add(1)
		w.keys[""]++ // an absent key is an empty one
		w.producer().Produce(t.Context(), &kgo.Record{Topic: w.in, Partition: 0, Value: []byte("1")}, nil)
		w.await("the processor has nothing to do", func() bool { return p.Health().Ready && p.Health().Behind == 0 })
		stop.stop()
		w.process(c, ProcessorConfig{Graph: graph})
		w.send(10)
		w.await("it goes on", func() bool { n, _ := v.Get("k9"); return n == 2 })
	})
}

func TestProcessor_KafkaGoesAndComesBack_GoesOnExactly(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		p, _ := w.process(c, ProcessorConfig{Graph: w.counting()})
		v, _ := w.view(c, ViewConfig{})
		var load sync.WaitGroup
		load.Go(func() { w.trickle(1500, time.Millisecond) })
		w.await("the load goes on", func() bool { return w.sent.Load() > 300 })
		w.net.set(cut)
		w.await("the load goes on", func() bool { return w.sent.Load() > 600 })
		w.net.set(whole)
		load.Wait()
		w.awaitCounted(v)
		if w.guarantee == ExactlyOnce {
			w.awaitExact(v)
			w.checkEvents()
		}
		w.await("nothing is behind", func() bool { return p.Health().Ready && p.Health().Behind == 0 })
	})
}

func TestProcessor_StoppedWhileKafkaIsAway_StopsSoon(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		l := newLedger(t)
		_, p := w.process(c, ProcessorConfig{Graph: w.counting(), Follower: apprentice{l, "a"}})
		w.await("all partitions are assigned", func() bool { return l.partitions("a") == 4 })
		_, view := w.view(c, ViewConfig{})
		for _, state := range []networkState{mute, cut} {
			w.net.set(state)
		}
		begun := time.Now()
		view.stop()
		p.stop()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if n := l.partitions("a"); n != 0 {
			t.Errorf("%d partitions were not revoked", n)
		}
		w.net.set(whole)
	})
}
