package stream

// What is held here:
//   - a local store is a copy: one that is of no use is deleted and filled again from Kafka. One that fails later ends the
//     life of its owner, with which it is closed and deleted;
//   - it lies under the ids of cluster and topic, so a topic made anew never meets an old copy, and says itself whose copy
//     it is: neither one that was put elsewhere nor what is left of a deleted one is taken for it;
//   - nobody waits for the disk, so a power cut may leave a hole that LevelDB does not see: one that was made before the
//     machine was last started is of no use, and where that cannot be told every write waits;
//   - one that was not used for storeAge is of no use: tombstones it has not seen may be compacted away by now. Nor is one
//     whose offset its topic does not reach, or no longer has;
//   - where no store can be written (disk full, read-only, not ours) another life would fail, too: its owner ends for good;
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
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka/storage"
	"github.com/syndtr/goleveldb/leveldb"
	damage "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/filter"
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

// errDir is the end of who needs local stores.
var errDir = errors.New("STATE_DIR cannot hold local stores: it must be writable, with room for a copy of what this instance reads")

// dirFaults are errors of the place where a store lies, not of the store.
var dirFaults = []error{
	syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.ENOTDIR, fs.ErrPermission, syscall.EIO,
	syscall.EMFILE, syscall.ENFILE,
}

// store is a storage.Storage: one partition's rows in LevelDB, each under "r" and its key, beside the offset and the
// identity.
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

func identityKey() []byte { return []byte{'i'} }

// openStore opens, or makes, the store of a partition. use is what it is for, processor or view; trouble ends who uses
// it, and is told, too, when none can be kept here.
func (c *Cluster) openStore(
	ctx context.Context, topic string, partition int32, use string, trouble func(error),
) (s *store, err error) {
	tp := topicPartition{topic, partition}
	defer func() {
		if err != nil {
			err = fmt.Errorf("open the local store of %s/%d: %w", topic, partition, err)
		}
		if errors.Is(err, errDir) {
			trouble(err)
		}
	}()
	ids, err := c.topicIDs(ctx, topic)
	if err != nil {
		return nil, err
	}
	identity := filepath.Join(c.id, ids[topic], use, strconv.Itoa(int(partition)))
	dir, boot := filepath.Join(c.cfg.Dir, identity), bootID()
	s, err = newStore(dir, identity, boot, trouble)
	if err == nil {
		if err = c.checkOffset(ctx, tp, s.offset.Load()); err != nil {
			err = errors.Join(err, s.Close())
		}
	}
	if err == nil || ctx.Err() != nil || errors.Is(err, syscall.EAGAIN) || errors.Is(err, errDir) { // EAGAIN: it is in use
		return s, err
	}
	c.log.WithFields(tp.fields()).WithError(err).Warn("local store is of no use, it is filled again")
	if err := os.RemoveAll(dir); err != nil {
		return nil, dirFault(err)
	}
	return newStore(dir, identity, boot, trouble)
}

// bootID names the time since the machine was started; empty where there is no such name (it is Linux').
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// newStore opens the store in dir if it is the one that identity names, of this boot, or makes it.
func newStore(dir, identity, boot string, trouble func(error)) (*store, error) {
	if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > storeAge {
		return nil, fmt.Errorf("it was not used since %v", info.ModTime())
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, dirFault(err)
	}
	db, err := leveldb.OpenFile(dir, &opt.Options{
		WriteBuffer: 2 * opt.MiB, BlockCacheCapacity: 2 * opt.MiB, OpenFilesCacheCapacity: 64,
		// Fewer and later merges: keys come in no order, so each merge writes everything of a level.
		CompactionL0Trigger: 8, WriteL0SlowdownTrigger: 16, WriteL0PauseTrigger: 24,
		CompactionTableSize: 8 * opt.MiB, CompactionTotalSize: 64 * opt.MiB,
		Filter: filter.NewBloomFilter(10), // most new keys are looked for in vain
		NoSync: boot != "",                // waiting for the disk stalls whoever shares it
		Strict: opt.StrictAll,             // a part that is left out silently would never be noticed
	})
	if err != nil {
		return nil, dirFault(withoutKey(err))
	}
	s := &store{db: db, dir: dir, trouble: trouble}
	if err := errors.Join(s.identify(identity+"@"+boot), s.readOffset()); err != nil {
		return nil, errors.Join(dirFault(withoutKey(err)), withoutKey(db.Close()))
	}
	s.touch()
	return s, nil
}

// identify makes sure that the store is whose it should be. An empty one becomes it.
func (s *store) identify(identity string) error {
	is, err := s.db.Get(identityKey(), nil)
	if err == nil && string(is) != identity {
		return fmt.Errorf("it is a copy of %q", is)
	}
	if !errors.Is(err, leveldb.ErrNotFound) {
		return err
	}
	all := s.db.NewIterator(nil, nil)
	defer all.Release()
	if all.First() {
		return errors.New("it does not say whose copy it is")
	}
	return errors.Join(all.Error(), s.db.Put(identityKey(), []byte(identity), nil))
}

func (s *store) readOffset() error {
	s.offset.Store(noOffset)
	b, err := s.db.Get(offsetKey(), nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
		return nil
	case err == nil && len(b) != 8:
		return fmt.Errorf("its offset has %d bytes", len(b))
	case err == nil:
		s.offset.Store(int64(binary.BigEndian.Uint64(b)))
	}
	return err
}

// checkOffset fails if the topic does not go on where a copy up to offset ends.
func (c *Cluster) checkOffset(ctx context.Context, tp topicPartition, offset int64) error {
	if offset == noOffset {
		return nil
	}
	tm := topicManager{c, ctx}
	start, err := tm.GetOffset(tp.topic, tp.partition, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	end, err := tm.GetOffset(tp.topic, tp.partition, sarama.OffsetNewest)
	if err != nil {
		return err
	}
	if next := offset + 1; next < start || next > end {
		return fmt.Errorf("it ends before %d, but the topic goes from %d to %d", next, start, end)
	}
	return nil
}

// dirFault marks an error that another store would meet, too.
func dirFault(err error) error {
	if slices.ContainsFunc(dirFaults, func(of error) bool { return errors.Is(err, of) }) {
		return fmt.Errorf("%w: %w", errDir, err)
	}
	return err
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

// write writes rows and the offset up to which they are complete down in one batch; noOffset: the offset stays.
func (s *store) write(rows []row, offset int64) error {
	batch := new(leveldb.Batch)
	for _, r := range rows {
		if r.value == nil {
			batch.Delete(rowKey(r.key))
		} else {
			batch.Put(rowKey(r.key), r.value)
		}
	}
	if offset != noOffset {
		batch.Put(offsetKey(), offsetValue(offset))
	}
	if err := s.note(s.db.Write(batch, nil)); err != nil || offset == noOffset {
		return err
	}
	s.offset.Store(offset)
	return nil
}

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
	err = dirFault(fmt.Errorf("local store %s: %w", s.dir, withoutKey(err)))
	if errors.Is(err, leveldb.ErrClosed) {
		return err
	}
	if !errors.Is(err, errDir) {
		s.broken.Store(true)
	}
	s.trouble(err)
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
	return &rowIterator{s.db.NewIterator(rows, &opt.ReadOptions{DontFillCache: true}), s}
}

// rowIterator is a storage.Iterator over rows.
type rowIterator struct {
	iterator.Iterator
	store *store
}

// Next is part of storage.Iterator. goka's visits do not ask why there is no next.
func (i *rowIterator) Next() bool {
	if i.Iterator.Next() {
		return true
	}
	_ = i.Err()
	return false
}

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
func (i *rowIterator) Err() error { return i.store.note(i.Error()) }

// Seek is part of storage.Iterator.
func (i *rowIterator) Seek(key []byte) bool { return i.Iterator.Seek(rowKey(string(key))) }
