package stream

// What is held here:
//   - a view answers only when it has been recovered, and not any more when it stops;
//   - it reconnects by itself and is not rebuilt for that;
//   - each row knows from which record it comes;
//   - no error names a key or quotes a row: not goka's, not the codec's, not the update callback's.

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/sirupsen/logrus"
)

// ErrNotReady means that a view has not been recovered yet, or has stopped.
var ErrNotReady = errors.New("the view is not ready")

// ViewConfig of a View. Topic and Codec must be set.
type ViewConfig struct {
	// Topic to read. It need not be compacted if Update makes rows of it.
	Topic string
	// Codec of the rows. Only Decode is used.
	Codec goka.Codec
	// Update applies a record to the rows. Applying one again must change nothing. Defaults to goka.DefaultUpdate.
	Update goka.UpdateCallback
	// Changed is told of each record after it is applied, also during recovery; it must not block. Defaults to none.
	Changed func(key string, partition int32, offset int64)
}

// Row of a view, and the record by which it was last written.
type Row struct {
	Key       string
	Value     any
	Partition int32
	Offset    int64
}

// View is a local copy of a topic's rows. It may be read by any number of goroutines.
type View struct {
	c     *Cluster
	cfg   ViewConfig
	log   logrus.FieldLogger
	state state
	lag   *lag

	now       atomic.Pointer[reading] // nil: not ready
	recovered chan struct{}
	once      sync.Once // closes recovered

	mu     sync.Mutex
	stores map[int32]*viewStore
}

// reading is a goka.View that may be read.
type reading struct {
	*goka.View
	readers gate
}

// NewView returns a View that does nothing until Run.
func (c *Cluster) NewView(cfg ViewConfig) (*View, error) {
	if cfg.Topic == "" || cfg.Codec == nil {
		return nil, errors.New("a view needs a topic and a codec")
	}
	if cfg.Update == nil {
		cfg.Update = goka.DefaultUpdate
	}
	v := &View{c: c, cfg: cfg, log: c.log.WithField("view", cfg.Topic), recovered: make(chan struct{})}
	v.lag = c.newLag("view "+cfg.Topic, []string{cfg.Topic}, v.position)
	v.lag.needed = topicAccess("Read", cfg.Topic)
	c.need(v.lag.needed)
	v.state.set(false, "not started")
	return v, nil
}

// Run follows the topic until ctx ends. It returns nil then, with everything closed. It fails when Config.Dir cannot hold
// the rows.
func (v *View) Run(ctx context.Context) error {
	var looks sync.WaitGroup
	defer looks.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	looks.Go(func() { v.lag.run(ctx, func() {}) })
	v.state.set(false, "recovering")
	err := supervise(ctx, v.log, v.c.explained(v.live, v.lag.needed), func(why string) { v.state.set(false, why) })
	if err == nil {
		v.state.set(false, "stopped")
	}
	return err
}

func (v *View) live(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer fail(nil)
	watch.Go(func() { v.c.watch(ctx, []string{v.cfg.Topic}, fail) })
	// The goka view lives a little longer than ctx: first nobody may read it any more.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	partitions, err := topicManager{v.c, ctx}.Partitions(v.cfg.Topic)
	if err != nil {
		return fmt.Errorf("ask for the partitions of %s: %w", v.cfg.Topic, err)
	}
	recovered := make(chan struct{}, len(partitions))
	name := "view-" + v.cfg.Topic
	consumer := v.c.newConsumer(ctx, name)
	defer consumer.close()
	view, err := goka.NewView(v.c.cfg.Brokers, goka.Table(v.cfg.Topic), rowCodec{v.cfg.Codec},
		goka.WithViewClientID(v.c.clientID(name)),
		goka.WithViewLogger(gokaLog{v.log, logrus.WarnLevel}),
		goka.WithViewHasher(v.c.cfg.Hasher),
		goka.WithViewAutoReconnect(),
		goka.WithViewBackoffBuilder(func() (goka.Backoff, error) {
			return goka.NewSimpleBackoff(200*time.Millisecond, 2*time.Second), nil
		}),
		goka.WithViewTopicManagerBuilder(v.c.topicManager(ctx)),
		goka.WithViewConsumerSaramaBuilder(consumer.build),
		goka.WithViewCallback(withoutControls(v.update)),
		goka.WithViewStorageBuilder(func(topic string, partition int32) (storage.Storage, error) {
			s, err := v.c.openStore(ctx, topic, partition, "view", fail)
			if err != nil {
				return nil, err
			}
			return v.add(partition, &viewStore{s, func() { recovered <- struct{}{} }}), nil
		}),
	)
	if err != nil {
		return fmt.Errorf("make the view: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- view.Run(running) }()
	for range partitions {
		select {
		case <-recovered:
		case <-ctx.Done():
		case err := <-ended:
			return cmp.Or(failure(ctx), err)
		}
	}
	now := &reading{View: view}
	if ctx.Err() == nil {
		v.now.Store(now)
		v.state.set(true, "")
		v.once.Do(func() { close(v.recovered) })
	}
	<-ctx.Done()
	v.now.Store(nil)
	now.readers.shut()
	stop()
	err = <-ended
	return cmp.Or(failure(ctx), err)
}

// failure is why ctx ended, if not because its parent did.
func failure(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (v *View) update(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
	if err := guard("the update callback", func() error {
		return v.cfg.Update(ctx, rowStorage{s, ctx.Partition(), ctx.Offset()}, key, value)
	}); err != nil {
		return fmt.Errorf("%s/%d at %d: %w", ctx.Topic(), ctx.Partition(), ctx.Offset(), err)
	}
	if v.cfg.Changed == nil {
		return nil
	}
	return guard("who is told of changes", func() error { v.cfg.Changed(key, ctx.Partition(), ctx.Offset()); return nil })
}

// Health says whether the view has been recovered, and how far it is behind.
func (v *View) Health() Health { return v.state.health(v.lag.behind(time.Now()), v.lag.closed()) }

// Recovered is closed when the view has been recovered for the first time.
func (v *View) Recovered() <-chan struct{} { return v.recovered }

// Get returns a row's decoded value; nil if there is none. It fails with ErrNotReady before the view is recovered.
func (v *View) Get(key string) (any, error) {
	row, err := v.Row(key)
	if row == nil {
		return nil, err
	}
	return row.Value, err
}

// Row returns a row; nil if there is none. It fails with ErrNotReady before the view is recovered.
func (v *View) Row(key string) (*Row, error) {
	now := v.now.Load()
	if now == nil || !now.readers.enter() {
		return nil, ErrNotReady
	}
	defer now.readers.leave()
	value, err := now.Get(key)
	if err != nil {
		return nil, fmt.Errorf("read a row of %s: %s", v.cfg.Topic, told(err.Error()))
	}
	if value == nil {
		return nil, nil
	}
	row := value.(Row)
	row.Key = key
	return &row, nil
}

// Rows iterates over the rows from start, before limit, each without bound if empty, in the order of their keys and as
// they were when it began. An error ends it.
func (v *View) Rows(start, limit string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		now := v.now.Load()
		if now == nil || !now.readers.enter() {
			yield(Row{}, ErrNotReady)
			return
		}
		defer now.readers.leave()
		it, err := now.IteratorWithRange(start, limit)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer it.Release()
		for it.Next() {
			value, err := it.Value()
			row, _ := value.(Row)
			row.Key = it.Key()
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := it.Err(); err != nil {
			yield(Row{}, err)
		}
	}
}

// viewStore is a partition's store; it tells when it is recovered.
type viewStore struct {
	*store
	recovered func()
}

// MarkRecovered is part of storage.Storage.
func (s *viewStore) MarkRecovered() error {
	err := s.store.MarkRecovered()
	if err == nil {
		s.recovered()
	}
	return err
}

func (v *View) add(partition int32, s *viewStore) *viewStore {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stores == nil {
		v.stores = map[int32]*viewStore{}
	}
	v.stores[partition] = s
	return s
}

// position is the first offset of a partition that is not applied.
func (v *View) position(tp topicPartition) (int64, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.stores[tp.partition]
	if s == nil {
		return 0, true
	}
	return s.offset.Load() + 1, true
}

// A stored row begins with the record by which it was written: partition and offset.
const rowHeader = 4 + 8

// rowStorage adds the record's place to what an update callback stores, and takes it away from what it reads.
type rowStorage struct {
	storage.Storage
	partition int32
	offset    int64
}

// Set is part of storage.Storage.
func (s rowStorage) Set(key string, value []byte) error {
	row := binary.BigEndian.AppendUint32(make([]byte, 0, rowHeader+len(value)), uint32(s.partition))
	row = binary.BigEndian.AppendUint64(row, uint64(s.offset))
	return s.Storage.Set(key, append(row, value...))
}

// Get is part of storage.Storage.
func (s rowStorage) Get(key string) ([]byte, error) {
	row, err := s.Storage.Get(key)
	return rowValue(row), err
}

// Iterator is part of storage.Storage.
func (s rowStorage) Iterator() (storage.Iterator, error) {
	it, err := s.Storage.Iterator()
	return rowValues{it}, err
}

// IteratorWithRange is part of storage.Storage.
func (s rowStorage) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	it, err := s.Storage.IteratorWithRange(start, limit)
	return rowValues{it}, err
}

func rowValue(row []byte) []byte {
	if len(row) < rowHeader {
		return nil
	}
	return row[rowHeader:]
}

// rowValues is an iterator over the values of stored rows.
type rowValues struct{ storage.Iterator }

// Value is part of storage.Iterator.
func (i rowValues) Value() ([]byte, error) {
	row, err := i.Iterator.Value()
	return rowValue(row), err
}

// rowCodec decodes stored rows to Row.
type rowCodec struct{ goka.Codec }

// Decode is part of goka.Codec.
func (c rowCodec) Decode(b []byte) (any, error) {
	if len(b) < rowHeader {
		return nil, fmt.Errorf("a stored row of %d bytes is too short", len(b))
	}
	row := Row{Partition: int32(binary.BigEndian.Uint32(b)), Offset: int64(binary.BigEndian.Uint64(b[4:]))}
	if err := guard("the codec", func() (err error) { row.Value, err = c.Codec.Decode(rowValue(b)); return err }); err != nil {
		return nil, fmt.Errorf("row of %d at %d: %w", row.Partition, row.Offset, err)
	}
	return row, nil
}
