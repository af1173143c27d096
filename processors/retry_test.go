package processors_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// accounts are those that a view would show.
type accounts map[string]user.State

func (a accounts) Get(email string) (user.State, bool, error) {
	state, found := a[email]
	return state, found, nil
}

func (w *world) retrier(c *stream.Cluster, known accounts) *processors.Retrier {
	w.t.Helper()
	r, err := processors.NewRetrier(c, known)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// letter puts a record aside by hand, as if the group of users could not handle it.
func (w *world) letter(r *kgo.Record) topics.DeadLetter {
	w.t.Helper()
	d := topics.DeadLetter{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Group: topics.UserService, RecordedAt: r.Timestamp, At: time.Now(),
		Key: string(r.Key), Value: r.Value, Headers: map[string][]byte{},
	}
	for _, h := range r.Headers {
		d.Headers[h.Key] = h.Value
	}
	d = d.PutAside(errors.New("by hand"))
	key, value, headers := d.Record()
	record := &kgo.Record{Topic: topics.DeadLetters, Key: []byte(key), Value: value}
	for name, value := range headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	w.puts(record)
	return d
}

func TestRetry_WhoeverAsksAtOnceOrAgain_GivesALetterBackOnce(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	original := &kgo.Record{
		Topic: topics.UserCommands, Key: []byte(ada), Value: []byte("no json"), Timestamp: time.Now(),
		Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte("trace")}},
	}
	d := w.letter(original)
	var retried atomic.Int32
	var askers sync.WaitGroup
	for _, c := range []*stream.Cluster{w.cluster, w.dial("second")} {
		r := w.retrier(c, nil)
		for range 2 {
			askers.Go(func() {
				not, err := r.Retry(t.Context(), d.ID)
				var already *processors.RetriedError
				switch {
				case err != nil || len(not) > 0 && !errors.As(not[d.ID], &already):
					t.Errorf("not: %v, %v", not, err)
				case len(not) == 0:
					retried.Add(1)
				case time.Since(already.At) > time.Minute:
					t.Errorf("retried at %v", already.At)
				}
			})
		}
	}
	askers.Wait()
	again := w.hears(topics.UserCommands, 1)[0]
	if retried.Load() != 1 || string(again.Key) != ada || string(again.Value) != "no json" || header(again, "traceparent") != "trace" {
		t.Fatalf("retried %d times: %q %q %v", retried.Load(), again.Key, again.Value, again.Headers)
	}

	failed := w.letter(again)
	if failed.ID != d.ID || failed.Attempts != 2 {
		t.Errorf("failed again as %s, attempt %d; before as %s", failed.ID, failed.Attempts, d.ID)
	}
	if not, err := w.retrier(w.cluster, nil).Retry(t.Context(), d.ID); err != nil || len(not) > 0 {
		t.Errorf("after it failed again: %v, %v", not, err)
	}
	w.hears(topics.UserCommands, 2)
}

func TestRetry_WhatMayNotBeGivenBack_IsRefused_AndTheOthersAreNot(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	now := time.Now()
	record := func(offset int64, change func(*kgo.Record)) topics.DeadLetter {
		r := &kgo.Record{Topic: topics.UserCommands, Key: []byte(ada), Value: []byte("{}"), Timestamp: now, Offset: offset}
		change(r)
		return w.letter(r)
	}
	good := record(0, func(*kgo.Record) {})
	refused := map[string]topics.DeadLetter{
		"value cut":      record(1, func(r *kgo.Record) { r.Value = make([]byte, 513<<10) }),
		"redacted":       record(2, func(r *kgo.Record) { r.Value = []byte(`{"code":"123456"}`) }),
		"erased":         record(3, func(r *kgo.Record) { r.Key = []byte("GONE@example.com") }),
		"no input":       record(4, func(r *kgo.Record) { r.Topic = topics.UserTable }),
		"no such letter": {ID: "unknown"},
	}
	ids := []string{good.ID}
	for _, d := range refused {
		ids = append(ids, d.ID)
	}
	not, err := w.retrier(w.cluster, accounts{"gone@example.com": {ErasedAt: now.Add(time.Second)}}).Retry(t.Context(), ids...)
	if err != nil || len(not) != len(refused) {
		t.Fatalf("not: %v, %v", not, err)
	}
	for why, d := range refused {
		if not[d.ID] == nil || !strings.Contains(not[d.ID].Error(), why) || strings.Contains(not[d.ID].Error(), "gone@") {
			t.Errorf("%s: %v", why, not[d.ID])
		}
	}
	w.hears(topics.UserCommands, 1)
}

func TestRetry_OfACommandThatWasHandled_HasNoSecondEffect(t *testing.T) {
	for _, guarantee := range []stream.Guarantee{stream.ExactlyOnce, stream.AtLeastOnce} {
		t.Run(string(guarantee), func(t *testing.T) {
			w := newWorld(t, guarantee)
			w.runs(w.users(processors.UsersConfig{}), nil)
			w.asks(registration(t, ada))
			w.hears(topics.UserAccountCreated, 1)
			d := w.letter(w.hears(topics.UserCommands, 1)[0])
			if not, err := w.retrier(w.cluster, nil).Retry(t.Context(), d.ID); err != nil || len(not) > 0 {
				t.Fatalf("not: %v, %v", not, err)
			}
			w.asks(registration(t, keyBeside(ada)))
			w.hears(topics.UserAccountCreated, 2)
			w.hears(topics.DeadLetters, 2) // the letter and its retry
		})
	}
}

// What reaches user.Step all the same, because the view did not show the erasure yet, has no effect there.
func TestUsers_ARetryFromBeforeTheErasure_DoesNotBringThePersonBack(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	w.runs(w.users(processors.UsersConfig{}), nil)
	w.misplaces(topics.UserCommands, ada, encoded(t, registration(t, ada)))
	id := header(w.hears(topics.DeadLetters, 1)[0], "dead_letter_id")
	w.asks(registration(t, ada))
	w.asks(user.Command{ID: "erase", Type: user.Erase, Email: ada, IssuedAt: time.Now()})
	w.hears(topics.UserAccountDeleted, 1)
	if not, err := w.retrier(w.cluster, nil).Retry(t.Context(), id); err != nil || len(not) > 0 {
		t.Fatalf("not: %v, %v", not, err)
	}
	w.asks(registration(t, keyBeside(ada)))
	w.hears(topics.UserAccountCreated, 2)
	w.hears(topics.UserTable, 3)
}

// keyBeside is another address on the partition of an address.
func keyBeside(email string) string {
	for i := 0; ; i++ {
		if other := "grace" + strconv.Itoa(i) + "@example.com"; topics.Partition(other, partitions) == topics.Partition(email, partitions) {
			return other
		}
	}
}
