package stream

import (
	"errors"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestProcessor_GraphWithGokasOwnInput_IsRefused(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	_, err := w.admin.NewProcessor(ProcessorConfig{Graph: goka.DefineGroup(goka.Group(w.group),
		goka.Input(goka.Stream(w.in), textCodec{}, func(goka.Context, any) {}))})
	if err == nil || !strings.Contains(err.Error(), "stream.Input") || !strings.Contains(err.Error(), w.in) {
		t.Errorf("err = %v", err)
	}
}

func TestVisitor_ThatWritesTwice_DoesSoInOneTransaction(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		var p *Processor
		p, _ = w.process(c, ProcessorConfig{Graph: w.counting(Visitor("twice", func(ctx goka.Context, _ any) {
			y := p.now.Load().session.life.cycle
			ctx.Emit(goka.Stream(w.out), ctx.Key(), 2)
			w.await("the first is acknowledged", func() bool {
				y.mu.Lock()
				defer y.mu.Unlock()
				return y.emits == 0
			})
			time.Sleep(50 * time.Millisecond) // in which it should not be committed
			ctx.SetValue(2)
		}))})
		v, _ := w.view(c, ViewConfig{})
		w.send(1)
		w.awaitExact(v)
		w.await("the record is committed", func() bool { return p.Status().Transactions.Committed == 1 })
		if err := p.VisitAll(t.Context(), "twice", nil); err != nil {
			t.Fatal(err)
		}
		w.send(1) // it is counted on from what the visit wrote
		w.sent.Add(1)
		w.keys["k0"]++
		w.awaitExact(v)
		w.await("the visit and the record are committed, once each", func() bool {
			return p.Status().Transactions.Committed == 3
		})
	})
}

func TestVisitor_OfAMemberThatIsNoneAnyMore_WritesNothing(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	wrote, release := make(chan struct{}), make(chan struct{})
	p, _ := w.process(c, ProcessorConfig{Graph: w.counting(Visitor("late", func(ctx goka.Context, _ any) {
		ctx.SetValue(1000)
		close(wrote)
		<-release
	}))})
	v, _ := w.view(c, ViewConfig{})
	w.send(1)
	w.awaitExact(v)
	visited := make(chan struct{})
	go func() {
		defer close(visited)
		if err := p.VisitAll(t.Context(), "late", nil); err != nil {
			t.Log(err)
		}
	}()
	<-wrote
	groups, err := w.admin.adm.DescribeGroups(t.Context(), w.group)
	if err != nil {
		t.Fatal(err)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = w.group
	for _, m := range groups[w.group].Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		leave.Members = append(leave.Members, member)
	}
	if resp, err := leave.RequestWith(t.Context(), w.producer()); err != nil || kerr.ErrorForCode(resp.ErrorCode) != nil || len(leave.Members) != 1 {
		t.Fatal(resp, err)
	}
	close(release)
	<-visited
	w.send(1)
	w.awaitExact(v)
	w.checkEvents()
}

// bad is a follower whose calls panic, each once.
type bad struct {
	apprentice
	assigned, committed, revoked *sync.Once
}

func (b bad) Assigned(partition int32, rows iter.Seq2[string, []byte]) {
	b.apprentice.Assigned(partition, rows)
	b.assigned.Do(func() { panic(privateValue) })
}

func (b bad) Committed(partition int32, key string, value []byte) {
	b.committed.Do(func() { panic(key) })
	b.apprentice.Committed(partition, key, value)
}

func (b bad) Revoked(partition int32) {
	b.apprentice.Revoked(partition)
	b.revoked.Do(func() { panic(errors.New(privateValue)) })
}

func TestFollower_Panics_EndsTheLifeOnly(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	e := listen(t, c)
	l := newLedger(t)
	p, _ := w.process(c, ProcessorConfig{Graph: w.counting(), Follower: bad{apprentice{l, "a"}, new(sync.Once), new(sync.Once), new(sync.Once)}})
	v, _ := w.view(c, ViewConfig{})
	w.send(1000)
	w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte("1")})
	w.awaitExact(v)
	w.checkEvents()
	w.await("it is logged", func() bool { return e.has("begins again", "the follower panicked with a string at callback_test.go:") })
	w.await("it goes on", func() bool { return p.Health().Ready && l.partitions("a") == 4 })
}

func TestView_UpdateOrCodecPanics_IsNotReadyAndGoesOn(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	e := listen(t, c)
	var panics atomic.Bool
	panics.Store(true)
	w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte(privateValue)})
	if err := w.producer().Flush(t.Context()); err != nil { // the view must meet it while it recovers
		t.Fatal(err)
	}
	v, err := c.NewView(ViewConfig{
		Topic: w.in, Codec: bomb{},
		Update: func(_ goka.UpdateContext, s storage.Storage, key string, value []byte) error {
			if panics.Load() {
				panic(key)
			}
			return s.Set(key, value)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, v.Run)
	w.await("it is logged", func() bool { return e.has("the update callback panicked with a string at callback_test.go:") })
	if v.Health().Ready {
		t.Error("it is ready")
	}
	panics.Store(false)
	w.await("it is ready", func() bool { return v.Health().Ready })
	if _, err := v.Get(privateKey); err == nil || private(err.Error()) || !strings.Contains(err.Error(), "decoding value") {
		t.Errorf("err = %v", err)
	}
}
