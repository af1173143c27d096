package stream

// What is held here:
//   - the local store is never ahead of Kafka: what a cycle writes is kept beside it until the cycle is committed;
//   - a commit writes the rows and the table's offset down in one batch; anything else drops them;
//   - a read sees the open cycle's own writes, an iterator committed rows only;
//   - the cycle cannot end between goka's local write and the emit of the same row.

import (
	"bytes"
	"iter"
	"sync"

	"github.com/lovoo/goka/storage"
)

// row is a key and the value that was written to it; nil: deleted.
type row struct {
	key   string
	value []byte
}

// overlay is the storage.Storage of a group table's partition in a session: it collects what the open cycle writes.
type overlay struct {
	*store
	cycle *cycle

	mu      sync.RWMutex
	written map[string][]byte // nil: deleted
	keys    []string          // of written, in the order of their first write
	acked   int64             // the highest offset of the table that was acknowledged
}

func newOverlay(s *store, c *cycle) *overlay {
	return &overlay{store: s, cycle: c, written: map[string][]byte{}, acked: noOffset}
}

// Get is part of storage.Storage.
func (o *overlay) Get(key string) ([]byte, error) {
	o.mu.RLock()
	value, ok := o.written[key]
	o.mu.RUnlock()
	if ok {
		return value, nil
	}
	return o.store.Get(key)
}

// Has is part of storage.Storage.
func (o *overlay) Has(key string) (bool, error) {
	value, err := o.Get(key)
	return value != nil, err
}

// Set is part of storage.Storage.
func (o *overlay) Set(key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return o.write(key, value)
}

// Delete is part of storage.Storage.
func (o *overlay) Delete(key string) error { return o.write(key, nil) }

func (o *overlay) write(key string, value []byte) error {
	if err := o.cycle.hold(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, again := o.written[key]; !again {
		o.keys = append(o.keys, key)
	}
	o.written[key] = value
	return nil
}

// SetOffset is part of storage.Storage.
func (o *overlay) SetOffset(offset int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acked = max(o.acked, offset)
	return nil
}

// flush writes the committed cycle down and returns its rows.
func (o *overlay) flush() ([]row, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.keys) == 0 {
		return nil, nil
	}
	rows := make([]row, 0, len(o.keys))
	for _, key := range o.keys {
		rows = append(rows, row{key, o.written[key]})
	}
	if err := o.store.write(rows, o.acked); err != nil {
		return nil, err
	}
	clear(o.written)
	o.keys = nil
	return rows, nil
}

// committed iterates over the rows as they are committed now.
func (o *overlay) committed() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		it := o.rows(nil, nil)
		defer it.Release()
		for it.Next() {
			if !yield(string(it.Key()), bytes.Clone(it.Iterator.Value())) {
				return
			}
		}
	}
}

// MarkRecovered is part of storage.Storage. The replica has recovered the store.
func (o *overlay) MarkRecovered() error { return nil }

// Close is part of storage.Storage. It comes before it is known whether the last cycle is committed: drop forgets it, and
// the replica closes the store.
func (o *overlay) Close() error { return nil }

// overlays are those of a session by partition.
type overlays struct {
	mu sync.Mutex
	of map[int32]*overlay
}

func (o *overlays) add(partition int32, store *overlay) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of[partition] = store
}

func (o *overlays) get(partition int32) *overlay {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.of[partition]
}

// flush writes the committed cycle down, and returns its rows by partition.
func (o *overlays) flush() (map[int32][]row, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rows := map[int32][]row{}
	for partition, store := range o.of {
		written, err := store.flush()
		if err != nil {
			return nil, err
		}
		if len(written) > 0 {
			rows[partition] = written
		}
	}
	return rows, nil
}

// drop forgets what is written beyond the last commit.
func (o *overlays) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.of)
}

var _ storage.Storage = (*overlay)(nil)
