package stream

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/sirupsen/logrus"
	"github.com/syndtr/goleveldb/leveldb"
	damage "github.com/syndtr/goleveldb/leveldb/errors"
	disk "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What must never be told: a key and a value.
const (
	privateKey   = "victim@example.com"
	privateValue = "s3cr3t"
)

// private says whether a text holds any of it.
func private(text string) bool {
	return strings.Contains(text, "victim") || strings.Contains(text, privateValue)
}

// ear is a logrus hook that takes entries of every level.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) Levels() []logrus.Level { return logrus.AllLevels }

func (e *ear) Fire(entry *logrus.Entry) error {
	text := fmt.Sprint(entry.Level, " ", entry.Message, " ", entry.Data)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, text)
	return nil
}

func (e *ear) has(words ...string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range e.heard {
		missing := false
		for _, word := range words {
			missing = missing || !strings.Contains(line, word)
		}
		if !missing {
			return true
		}
	}
	return false
}

// listen has an ear hear what a cluster logs, and looks at all of it in the end.
func listen(t *testing.T, c *Cluster) *ear {
	log := c.log.WithFields(nil).Logger
	log.SetLevel(logrus.TraceLevel)
	e := &ear{}
	log.AddHook(e)
	t.Cleanup(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, line := range e.heard {
			if private(line) {
				t.Errorf("logged: %s", line)
			}
		}
	})
	return e
}

// picky is a codec that refuses, and says too much about it.
type picky struct{ textCodec }

func (picky) Decode(b []byte) (any, error) { return nil, fmt.Errorf("%q is nothing", b) }

// bomb is a codec that panics.
type bomb struct{ textCodec }

func (bomb) Decode(b []byte) (any, error) { panic(string(b)) }

func TestProcessor_WhateverFails_NoKeyAndNoValueIsTold(t *testing.T) {
	type callback = func(*world, goka.Context)
	for name, test := range map[string]struct {
		input    goka.Codec
		callback callback
		told     string
	}{
		"panic": {textCodec{}, func(_ *world, ctx goka.Context) {
			ctx.SetValue(privateValue)
			panic("panics\n\twith " + privateValue + " of " + ctx.Key())
		}, "the callback panicked with a string at log_test.go:"},
		"failure": {textCodec{}, func(_ *world, ctx goka.Context) {
			ctx.Fail(errors.New(ctx.Key()))
		}, "the callback panicked with a *errors.errorString at log_test.go:"},
		"emit": {textCodec{}, func(w *world, ctx goka.Context) {
			ctx.Emit(goka.Stream(w.out), ctx.Key(), strings.Repeat(privateValue, 1<<20))
		}, "MESSAGE_TOO_LARGE"},
		"input that panics": {bomb{}, func(*world, goka.Context) {}, "error decoding message"},
		"input":             {picky{}, func(*world, goka.Context) {}, "error decoding message"},
		"row": {textCodec{}, func(_ *world, ctx goka.Context) {
			ctx.SetValue(privateValue)
			ctx.Value()
		}, "the callback panicked with a *errors.errorString at log_test.go:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ExactlyOnce)
			c := w.dial("a")
			e := listen(t, c)
			p, err := c.NewProcessor(ProcessorConfig{Graph: goka.DefineGroup(goka.Group(w.group),
				Input(goka.Stream(w.in), test.input, func(ctx goka.Context, _ any) { test.callback(w, ctx) }),
				goka.Output(goka.Stream(w.out), textCodec{}), goka.Persist(picky{}))})
			if err != nil {
				t.Fatal(err)
			}
			w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte(privateValue)})
			r := start(t, p.Run)
			w.await("a reason is given", func() bool {
				reason := p.Health().Reason
				if private(reason) {
					t.Fatalf("reason: %s", reason)
				}
				return strings.Contains(reason, test.told)
			})
			w.await("it is logged", func() bool { return e.has("begins again", test.told) })
			r.stop()
		})
	}
}

func TestProcessor_StoppedWhileNothingIsAcknowledged_NoKeyIsTold(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		e := listen(t, c)
		var once sync.Once
		away := make(chan struct{})
		_, p := w.process(c, ProcessorConfig{Graph: w.countingBut(func(goka.Context) {
			once.Do(func() {
				w.net.set(mute)
				close(away)
			})
		})})
		w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte("1")})
		<-away
		begun := time.Now()
		p.stop()
		if took := time.Since(begun); took > 8*time.Second {
			t.Errorf("stopped after %v", took)
		}
		if !e.has("stopped, but not cleanly", "before everything was acknowledged") {
			t.Error("why it stopped is not logged")
		}
		w.net.set(whole)
	})
}

func TestProcessor_VisitorPanics_NoKeyIsTold(t *testing.T) {
	if raceDetector {
		t.Skip("goka reads how many it visited without a lock when a visit is cut short; nobody reads what it says. make test-kafka runs this without the race detector")
	}
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	e := listen(t, c)
	p, _ := w.process(c, ProcessorConfig{Graph: w.counting(
		Visitor("shout", func(ctx goka.Context, _ any) { panic(ctx.Key()) }))})
	v, _ := w.view(c, ViewConfig{})
	w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte("1")})
	w.awaitCounted(v)
	w.await("it is logged", func() bool {
		// The row comes to the local store a moment after the commit that the view has seen.
		if err := p.VisitAll(t.Context(), "shout", nil); err != nil && private(err.Error()) {
			t.Errorf("err = %v", err)
		}
		return e.has("begins again", "the callback panicked with a")
	})
}

func TestView_WhateverFails_NoKeyAndNoValueIsTold(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	e := listen(t, c)
	var refuses atomic.Bool
	v, _ := w.view(c, ViewConfig{
		Topic: w.in, Codec: picky{},
		Update: func(_ goka.UpdateContext, s storage.Storage, key string, value []byte) error {
			if refuses.Load() {
				return fmt.Errorf("%s must not become %s", key, value)
			}
			return s.Set(key, value)
		},
	})
	w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte(privateValue)})
	var err error
	w.await("the row is there", func() bool {
		_, err = v.Get(privateKey)
		return err != nil
	})
	if !strings.Contains(err.Error(), w.in) || private(err.Error()) {
		t.Errorf("Get: %v", err)
	}
	if _, err := v.Row(privateKey); err == nil || private(err.Error()) {
		t.Errorf("Row: %v", err)
	}
	for row, err := range v.Rows("", "") {
		if err == nil || private(err.Error()) {
			t.Errorf("Rows: %v, %v", row, err)
		}
	}
	refuses.Store(true)
	w.produce(&kgo.Record{Topic: w.in, Key: []byte(privateKey), Value: []byte(privateValue)})
	w.await("it is logged", func() bool { return e.has(w.in, "the update callback fails with a *") })
	if reason := v.Health().Reason; private(reason) {
		t.Errorf("reason: %s", reason)
	}
}

func TestStore_DamageSeenAtAKey_NoKeyIsTold(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	told := make(chan error, 1)
	s, err := w.admin.openStore(t.Context(), w.in, 0, "view", func(err error) { told <- err })
	if err != nil {
		t.Fatal(err)
	}
	seen := damage.NewErrCorrupted(disk.FileDesc{}, &leveldb.ErrInternalKeyCorrupted{Ikey: []byte(privateKey), Reason: "invalid length"})
	if err := s.note(seen); private(err.Error()) || !strings.Contains(err.Error(), "corrupted") {
		t.Errorf("err = %v", err)
	}
	if err := <-told; private(err.Error()) {
		t.Errorf("told: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
