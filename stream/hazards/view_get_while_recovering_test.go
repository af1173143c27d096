package hazards

// What is held here:
//   - a view that has not read its topic yet says so, and does not answer that there is no row.

import (
	"fmt"
	"sync"
	"testing"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestView_ReadWhileItRecovers_DoesNotDenyARow(t *testing.T) {
	compare(t, "a view that still recovers answers that a row does not exist", func(w *world) finding {
		w.topics(1)
		for _, key := range []string{"first", "second"} {
			w.write(w.cl, &kgo.Record{Topic: w.table, Key: []byte(key), Value: []byte("1")})
		}
		held, release := make(chan struct{}), make(chan struct{})
		hold := sync.OnceFunc(func() {
			close(held)
			<-release
		})
		letGo := sync.OnceFunc(func() { close(release) })
		defer letGo()
		v := w.instance("a").view(w.table, func(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
			hold()
			return goka.DefaultUpdate(ctx, s, key, value)
		})
		<-held
		value, err := v.get("second")
		letGo()
		w.await("the view is ready", v.ready)
		if later, err := v.get("second"); err != nil || later != int64(1) {
			w.Errorf("the row is %v once the view has recovered: %v", later, err)
		}
		return finding{err == nil, fmt.Sprintf("value %v, error %v", value, err)}
	})
}
