package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (w *world) emitter(cfg EmitterConfig) *Emitter {
	w.t.Helper()
	e, err := w.dial("api").NewEmitter(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(e.Close)
	return e
}

// requests counts those that a client's brokers have answered, by their keys.
type requests struct {
	mu sync.Mutex
	of map[int16]int
}

// OnBrokerE2E is kgo's hook.
func (r *requests) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, _ kgo.BrokerE2E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of[key]++
}

// dialCounting is dial, with the requests of its clients.
func (w *world) dialCounting(instance string) (*Cluster, *requests) {
	w.t.Helper()
	c, seen := w.dial(instance), &requests{of: map[int16]int{}}
	c.cfg.ClientOptions = append(c.cfg.ClientOptions, kgo.WithHooks(seen))
	return c, seen
}

func (r *requests) count(key kmsg.Key) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[int16(key)]
}

func TestEmitter_RecordsThatAreEmittedTogether_LeaveInFewRequests(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c, seen := w.dialCounting("api")
	e, err := c.NewEmitter(EmitterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const many = 500
	var records []Record
	for n := range many {
		records = append(records, Record{Topic: w.in, Key: fmt.Sprint("k", n), Value: []byte("v")})
	}
	if err := errors.Join(e.EmitAll(t.Context(), records...)...); err != nil {
		t.Fatal(err)
	}
	if n := seen.count(kmsg.Produce); n > many/10 {
		t.Errorf("%d requests for %d records", n, many)
	}
	if read := w.read(w.in, many); len(read) != many {
		t.Errorf("%d of %d are written", len(read), many)
	}
}

func TestEmitter_OfRecordsThatAreEmittedTogether_EachHasItsOwnOutcome(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{MaxInFlight: 2})
	record := func(topic string) Record { return Record{Topic: topic, Key: "k", Value: []byte("v")} }
	errs := e.EmitAll(t.Context(), record(w.group+"-nowhere"), record(w.in), record(w.in))
	if len(errs) != 3 || errs[0] == nil || errs[1] != nil || !errors.Is(errs[2], ErrOverloaded) {
		t.Errorf("errors: %v", errs)
	}
	if len(w.read(w.in, 1)) != 1 || len(e.slots) != 0 {
		t.Errorf("%d places are still taken", len(e.slots))
	}
}

func TestEmitter_AnsweredNil_IsWrittenWithItsHeaders(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{})
	if err := e.Emit(t.Context(), w.in, "k", []byte("v"), map[string][]byte{"ce_id": []byte("1"), "ce_type": []byte("x")}); err != nil {
		t.Fatal(err)
	}
	r := w.read(w.in, 1)[0]
	if string(r.Key) != "k" || string(r.Value) != "v" || len(r.Headers) != 2 || string(r.Headers[0].Value) != "1" {
		t.Errorf("read %v", r)
	}
}

func TestEmitter_UnknownTopic_IsRefused(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{})
	err := e.Emit(t.Context(), w.group+"-nowhere", "k", nil, nil)
	if err == nil || errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("err = %v", err)
	}
}

func TestEmitter_KafkaGoesAndComesBack_IsUnavailableAtOnceAndRecovers(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{})
	emit := func() error { return e.Emit(t.Context(), w.in, "k", []byte("v"), nil) }
	if err := emit(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.net.set(cut)
		w.await("the emitter knows", func() bool { return errors.Is(emit(), ErrUnavailable) })
		begun := time.Now()
		for range 100 {
			if err := emit(); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("err = %v", err)
			}
		}
		if took := time.Since(begun); took > 200*time.Millisecond {
			t.Errorf("100 refusals took %v", took)
		}
		if n := e.cl.Load().BufferedProduceRecords(); n > 1 {
			t.Errorf("%d records are kept", n)
		}
		w.net.set(whole)
		begun = time.Now()
		w.await("the emitter works again", func() bool { return emit() == nil })
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("recovered after %v", took)
		}
	}
}

func TestEmitter_NoAcknowledgement_OutcomeIsUnknown(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{AckTimeout: 300 * time.Millisecond, MaxInFlight: 3})
	if err := e.Emit(t.Context(), w.in, "warm", []byte("v"), nil); err != nil {
		t.Fatal(err)
	}
	w.net.set(mute)
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() {
			if err := e.Emit(t.Context(), w.in, "k", []byte("v"), nil); !errors.Is(err, ErrOutcomeUnknown) {
				t.Errorf("err = %v", err)
			}
		})
	}
	w.await("three are in flight", func() bool { return len(e.slots) == 3 })
	if err := e.Emit(t.Context(), w.in, "k", []byte("v"), nil); !errors.Is(err, ErrOverloaded) {
		t.Errorf("err = %v", err)
	}
	waiting.Wait()
	w.net.set(whole)
	w.await("the emitter works again", func() bool { return e.Emit(t.Context(), w.in, "after", []byte("v"), nil) == nil })
	perhaps := 0
	for _, r := range w.read(w.in, 2) {
		if string(r.Key) == "k" {
			perhaps++
		}
	}
	if perhaps > 3 {
		t.Errorf("three records were written %d times", perhaps)
	}
}

func TestEmitter_KafkaAwayForLong_WhatWasAnsweredLongAgoIsNotSent(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{AckTimeout: 300 * time.Millisecond, GiveUpAfter: time.Second})
	if err := e.Emit(t.Context(), w.in, "warm", []byte("v"), nil); err != nil {
		t.Fatal(err)
	}
	w.net.set(lossy)
	if err := e.Emit(t.Context(), w.in, "late", []byte("v"), nil); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("err = %v", err)
	}
	w.net.set(cut)
	w.await("it is given up", func() bool { return len(e.slots) == 0 })
	w.net.set(whole)
	w.await("the emitter works again", func() bool { return e.Emit(t.Context(), w.in, "late", []byte("new"), nil) == nil })
	for _, r := range w.read(w.in, 2) { // on the partition of "new", the late one would be ahead of it
		if string(r.Key) == "late" && string(r.Value) != "new" {
			t.Error("it was sent late")
		}
	}
}

func TestEmitter_CallerGoes_OutcomeIsUnknown(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	e := w.emitter(EmitterConfig{})
	w.net.set(mute)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.Emit(ctx, w.in, "k", []byte("v"), nil); !errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("err = %v", err)
	}
	w.net.set(whole)
}
