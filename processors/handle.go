package processors

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - a record that cannot be read or handled becomes a dead letter, changes no state, and the next one is handled;
//     so does one whose decoding, rule or encoding panics;
//   - everything that can fail comes before the first write to goka's context: what a rule decided is encoded by then.
//     A failure behind a write ends the processor, and its transaction with it;
//   - a dead letter is counted, by the topic and by why it is one in a word, as it is decided: a transaction that is not
//     committed is decided, and counted, again.

// place is what a rule may know of its record beside the value.
type place interface {
	Key() string
	Topic() goka.Stream
	Partition() int32
	Offset() int64
	Timestamp() time.Time
	Headers() goka.Headers
}

// rule decides what a record does to the row of its key, the zero row if there is none. It writes nothing.
type rule[Row, Value any] func(at place, row Row, value Value) (change, error)

// change is what is to be written, encoded. The zero change is nothing.
type change struct {
	row  []byte
	gone bool // the row goes
	told []record
}

type record struct {
	topic   goka.Stream
	key     string // empty: the row's
	value   []byte
	headers goka.Headers
}

// set makes v the row.
func (c *change) set(v any) (err error) {
	c.row, err = topics.Encode(v)
	return err
}

// tell adds a record on another topic, with the same key.
func (c *change) tell(topic goka.Stream, v any, headers goka.Headers) error {
	value, err := topics.Encode(v)
	c.told = append(c.told, record{topic: topic, value: value, headers: headers})
	return err
}

// handle returns the callback that applies a rule to each record.
func handle[Row, Value any](letters deadLetters, decide rule[Row, Value]) goka.ProcessCallback {
	return func(ctx goka.Context, message any) {
		m := message.(*topics.Message[Value])
		row, err := storedRow[Row](ctx)
		var c change
		if err = errors.Join(err, m.Err); err == nil {
			err = topics.Guard(func() (err error) {
				c, err = decide(ctx, row, m.Value)
				return err
			})
		}
		if err != nil {
			letters.putAside(ctx, m.Raw, err)
			return
		}
		switch {
		case c.gone:
			ctx.Delete()
		case c.row != nil:
			ctx.SetValue(c.row)
		}
		for _, r := range c.told {
			ctx.Emit(r.topic, cmp.Or(r.key, ctx.Key()), r.value, goka.WithCtxEmitHeaders(r.headers))
		}
	}
}

// storedRow reads the row of the record's key; a key that was never seen has the zero row.
func storedRow[Row any](ctx goka.Context) (Row, error) {
	m, ok := ctx.Value().(*topics.Message[Row])
	if !ok {
		return *new(Row), nil
	}
	return m.Value, m.Err
}

// deadLetters is where a group puts aside what it cannot handle.
type deadLetters struct {
	log     logrus.FieldLogger
	written *prometheus.CounterVec
}

func newDeadLetters(group goka.Group, log logrus.FieldLogger) deadLetters {
	return deadLetters{log, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "countersign_dead_letters_total", Help: "Records that could not be read or handled, by group, topic and reason.",
		ConstLabels: prometheus.Labels{"group": string(group)},
	}, []string{"topic", "reason"})}
}

// count makes the metric of the graph, with all of its series: the first letter of one that is new were no increase.
func (d deadLetters) count(graph *goka.GroupGraph, registry prometheus.Registerer) error {
	for _, input := range graph.InputStreams() {
		for _, r := range reasons {
			d.written.WithLabelValues(input.Topic(), r.name)
		}
	}
	return register(registry, d.written)
}

// register adds metrics to a registry, if there is one.
func register(registry prometheus.Registerer, metrics ...prometheus.Collector) error {
	if registry == nil {
		return nil
	}
	for _, m := range metrics {
		if err := registry.Register(m); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

// putAside writes the record that ctx is at to dead_letters.
func (d deadLetters) putAside(ctx goka.Context, value []byte, reason error) {
	letter := topics.DeadLetter{
		Topic: string(ctx.Topic()), Partition: ctx.Partition(), Offset: ctx.Offset(), Group: string(ctx.Group()),
		RecordedAt: ctx.Timestamp(), At: time.Now(), Key: ctx.Key(), Value: value, Headers: ctx.Headers(),
	}.PutAside(reason)
	d.log.WithError(reason).WithFields(logrus.Fields{
		"dead_letter": letter.ID, "attempts": letter.Attempts, "topic": letter.Topic, "partition": letter.Partition, "offset": letter.Offset,
	}).Error("record put aside as dead letter")
	d.written.WithLabelValues(letter.Topic, inAWord(reason)).Inc()
	key, record, headers := letter.Record()
	ctx.Emit(topics.DeadLetters, key, record, goka.WithCtxEmitHeaders(headers))
}

// reasons are the words for why a record is put aside. The first that fits is taken, and the last always fits.
var reasons = []struct {
	name string
	errs []error
}{
	{"panic", []error{topics.ErrPanic}},
	{"unreadable", []error{topics.ErrUnreadable, topics.ErrNoValue}}, // the record, or the row of its key
	{"origin", []error{topics.ErrOrigin}},
	{"place", []error{errKey, errPartition}},
	{"invalid", []error{user.ErrInvalidCommand, errEvent, errResult, errCommand}},
	{other, nil},
}

const other = "other"

func inAWord(reason error) string {
	for _, r := range reasons {
		if slices.ContainsFunc(r.errs, func(err error) bool { return errors.Is(reason, err) }) {
			return r.name
		}
	}
	return other
}

// Why a record is not where it belongs.
var (
	errKey       = errors.New("key is not the normalised address that the value names")
	errPartition = errors.New("partition is not the one that murmur2 gives the key: set the producer's partitioner")
)

// checkPlace makes sure that a record's key is the address its value names,
// and its partition the key's: the state of the address is nowhere else.
func checkPlace(at place, email string, partitions int32) error {
	key := at.Key()
	if normal, err := user.NormalizeAddress(key, false); err != nil || normal != key || key != email {
		return errKey
	}
	if topics.Partition(key, partitions) != at.Partition() {
		return errPartition
	}
	return nil
}
