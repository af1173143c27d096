package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
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
