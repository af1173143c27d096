package stream

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestView_EveryRow_KnowsItsRecord(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	var changes atomic.Int64
	c := w.dial("a")
	config := ViewConfig{Topic: w.in, Codec: textCodec{}, Changed: func(string, int32, int64) { changes.Add(1) }}
	v, view := w.view(c, config)
	select {
	case <-v.Recovered():
	case <-t.Context().Done():
		t.Fatal("it answers, and is not recovered")
	}
	if _, err := (&View{}).Get("k"); !errors.Is(err, ErrNotReady) {
		t.Errorf("err = %v", err)
	}
	written := map[string]*kgo.Record{}
	for i := range 30 {
		r := &kgo.Record{Topic: w.in, Key: fmt.Appendf(nil, "k%02d", i%20), Value: fmt.Appendf(nil, "v%d", i)}
		if err := w.producer().ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		written[string(r.Key)] = r
	}
	w.await("all were told", func() bool { return changes.Load() == 30 })
	view.stop()
	if _, err := v.Get("k00"); !errors.Is(err, ErrNotReady) {
		t.Errorf("err = %v", err)
	}
	v, _ = w.view(c, config) // from its store
	if n := changes.Load(); n != 30 {
		t.Errorf("%d changes were told", n)
	}
	for key, r := range written {
		row, err := v.Row(key)
		if err != nil || row == nil || row.Value != string(r.Value) || row.Partition != r.Partition || row.Offset != r.Offset {
			t.Errorf("%s is %v (%v), want %s at %d/%d", key, row, err, r.Value, r.Partition, r.Offset)
		}
	}
	if row, err := v.Row("nobody"); row != nil || err != nil {
		t.Errorf("nobody is %v (%v)", row, err)
	}
	var keys []string
	for row, err := range v.Rows("k05", "k10") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, row.Key)
	}
	if have := strings.Join(keys, " "); have != "k05 k06 k07 k08 k09" {
		t.Errorf("the range has %s", have)
	}
}

func TestView_OwnUpdate_ReadsWhatItStoredAndSeesNoControlRecords(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.send(200)
	w.endWithAborted(w.in)
	update := func(_ goka.UpdateContext, s storage.Storage, key string, value []byte) error {
		if key == "" {
			t.Error("a control record reached the update callback")
		}
		have, err := s.Get(key)
		if err != nil {
			return err
		}
		return s.Set(key, append(have, value...))
	}
	v, _ := w.view(w.dial("a"), ViewConfig{Topic: w.in, Codec: textCodec{}, Update: update})
	for key, want := range map[string]string{"k0": "11", "k199": "1"} {
		if have, err := v.Get(key); have != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", key, have, err, want)
		}
	}
	w.await("nothing is behind", func() bool { return v.Health().Behind == 0 })
}
