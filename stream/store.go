package stream

// What is held here:
//   - a local store is a copy: one that cannot be opened is deleted and filled again from Kafka; one that fails later ends
//     the life of its owner, with which it is closed and deleted;
//   - it is keyed by the ids of cluster and topic, so a topic made anew never meets an old copy;
//   - one that was not used for storeAge is discarded: tombstones it has not seen may be compacted away by now;
//   - no key of a row can collide with the store's own entry;
//   - an error names the store, never a key of it.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/syndtr/goleveldb/leveldb"
	damage "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

const (
	// storeAge is half of the least delete.retention.ms that a table here has (7 d).
	storeAge = 84 * time.Hour
	// recoveryInterval is after how many records of a recovery its offset is written down.
	recoveryInterval = 10_000
)

// store is a storage.Storage: one partition's rows in LevelDB, each under "r" and its key, beside the offset.
type store struct {
	db        *leveldb.DB
	dir       string
	recovered atomic.Bool
	offset    atomic.Int64 // of the last record that was applied; noOffset
	trouble   func(error)  // is told of a failure
	broken    atomic.Bool
}

const noOffset = -1

func rowKey(key string) []byte { return append([]byte{'r'}, key...) }

func offsetKey() []byte { return []byte{'o'} }

func offsetValue(offset int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(offset)) }

// openStore opens, or makes, the store of a partition. use is what it is for, processor or view; trouble ends who uses it.
func (c *Cluster) openStore(
	ctx context.Context, topic string, partition int32, use string, trouble func(error),
) (*store, error) {
	id, err := c.TopicID(ctx, topic)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.cfg.Dir, c.id, id, use, strconv.Itoa(int(partition)))
	log := c.log.WithFields(topicPartition{topic, partition}.fields())
	if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > storeAge {
		log.WithField("last_used", info.ModTime()).Info("local store is too old, it is filled again")
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("discard local store: %w", err)
		}
	}
	s, err := newStore(dir, trouble)
	if err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, fs.ErrPermission) { // in use, or not ours
		log.WithError(err).Warn("local store cannot be opened, it is deleted and filled again")
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("delete local store: %w", err)
		}
		s, err = newStore(dir, trouble)
	}
	if err != nil {
		return nil, fmt.Errorf("open local store of %s/%d: %w", topic, partition, err)
	}
	return s, nil
}

func newStore(dir string, trouble func(error)) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := leveldb.OpenFile(dir, &opt.Options{
		WriteBuffer: 2 * opt.MiB, BlockCacheCapacity: 2 * opt.MiB, OpenFilesCacheCapacity: 64,
		Strict: opt.StrictAll, // a part that is left out silently would never be noticed
	})
	if err != nil {
		return nil, withoutKey(err)
	}
	s := &store{db: db, dir: dir, trouble: trouble}
	s.offset.Store(noOffset)
	if b, err := db.Get(offsetKey(), nil); err == nil && len(b) == 8 {
		s.offset.Store(int64(binary.BigEndian.Uint64(b)))
	} else if !errors.Is(err, leveldb.ErrNotFound) {
		return nil, errors.Join(fmt.Errorf("read the offset: %w", withoutKey(err)), withoutKey(db.Close()))
	}
	s.touch()
	return s, nil
}

// touch notes that the store was in use until now.
func (s *store) touch() {
	now := time.Now()
	_ = os.Chtimes(s.dir, now, now) // at worst it is filled again
}

// Open is part of storage.Storage.
func (s *store) Open() error { return nil }

// Close is part of storage.Storage. It deletes a store that could not be read.
func (s *store) Close() error {
	err := withoutKey(s.db.Close())
	if s.broken.Load() {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	s.touch()
	return err
}

// Has is part of storage.Storage.
func (s *store) Has(key string) (bool, error) {
	has, err := s.db.Has(rowKey(key), nil)
	return has, s.note(err)
}

// Get is part of storage.Storage: nil for a key that is not there.
func (s *store) Get(key string) ([]byte, error) {
	value, err := s.db.Get(rowKey(key), nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	return value, s.note(err)
}

// Set is part of storage.Storage.
func (s *store) Set(key string, value []byte) error { return s.note(s.db.Put(rowKey(key), value, nil)) }

// Delete is part of storage.Storage.
func (s *store) Delete(key string) error { return s.note(s.db.Delete(rowKey(key), nil)) }

// GetOffset is part of storage.Storage.
func (s *store) GetOffset(none int64) (int64, error) {
	if offset := s.offset.Load(); offset != noOffset {
		return offset, nil
	}
	return none, nil
}

// SetOffset is part of storage.Storage. During recovery it is written down now and then only: the rows before it are
// there already, and applying one again changes nothing.
func (s *store) SetOffset(offset int64) error {
	s.offset.Store(offset)
	if !s.recovered.Load() && offset%recoveryInterval != 0 {
		return nil
	}
	return s.note(s.db.Put(offsetKey(), offsetValue(offset), nil))
}

// MarkRecovered is part of storage.Storage.
func (s *store) MarkRecovered() error {
	s.recovered.Store(true)
	if offset := s.offset.Load(); offset != noOffset {
		return s.SetOffset(offset)
	}
	return nil
}

// note remembers that the store failed, and tells its owner.
func (s *store) note(err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("local store %s: %w", s.dir, withoutKey(err))
	if !errors.Is(err, leveldb.ErrClosed) {
		s.broken.Store(true)
		s.trouble(err)
	}
	return err
}

// withoutKey is LevelDB's error with the file that is damaged; its own text may name the key at which that was seen.
func withoutKey(err error) error {
	var damaged *damage.ErrCorrupted
	if errors.As(err, &damaged) {
		return fmt.Errorf("corrupted [file=%v]", damaged.Fd)
	}
	return err
}

// Iterator is part of storage.Storage.
func (s *store) Iterator() (storage.Iterator, error) { return s.IteratorWithRange(nil, nil) }

// IteratorWithRange is part of storage.Storage: from start, before limit, each without bound if empty.
func (s *store) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	return s.rows(start, limit), nil
}

func (s *store) rows(start, limit []byte) *rowIterator {
	rows := util.BytesPrefix([]byte{'r'})
	if len(start) > 0 {
		rows.Start = rowKey(string(start))
	}
	if len(limit) > 0 {
		rows.Limit = rowKey(string(limit))
	}
	return &rowIterator{s.db.NewIterator(rows, &opt.ReadOptions{DontFillCache: true})}
}

// rowIterator is a storage.Iterator over rows.
type rowIterator struct{ iterator.Iterator }

// Key is part of storage.Iterator.
func (i *rowIterator) Key() []byte {
	if key := i.Iterator.Key(); len(key) > 0 {
		return key[1:]
	}
	return nil
}

// Value is part of storage.Iterator.
func (i *rowIterator) Value() ([]byte, error) { return i.Iterator.Value(), nil }

// Err is part of storage.Iterator.
func (i *rowIterator) Err() error { return i.Error() }

// Seek is part of storage.Iterator.
func (i *rowIterator) Seek(key []byte) bool { return i.Iterator.Seek(rowKey(string(key))) }
