package processors

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"

	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - a record without a value, with one that cannot be read, with a key that is not its address, or
//     on a partition that is not its key's is a dead letter; so is one whose handling panics;
//   - a dead letter changes no state.

// Why a record is not where it belongs.
var (
	errKey       = errors.New("key is not the normalised address that the value names")
	errPartition = errors.New("partition is not the one that murmur2 gives the key: set the producer's partitioner")
)

// panicked is a panic of a pure function, caught before anything was written.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %T", p.value) }

// guard turns a panic of f into an error. f must not write to goka's context: a
// panic behind a write must end the processor.
func guard(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicked{value: r, stack: debug.Stack()}
		}
	}()
	f()
	return nil
}

// checkPlace makes sure that a record's key is the address its value names,
// and its partition the key's: the state of the address is nowhere else.
func checkPlace(ctx goka.Context, email string, partitions int32) error {
	key := ctx.Key()
	if normal, err := user.NormalizeAddress(key, false); err != nil || normal != key || key != email {
		return errKey
	}
	if topics.Partition(key, partitions) != ctx.Partition() {
		return errPartition
	}
	return nil
}

// deadLetter puts the record that ctx is at aside.
func deadLetter(ctx goka.Context, log logrus.FieldLogger, value []byte, reason error) {
	letter := topics.DeadLetter{
		Key: ctx.Key(), Topic: string(ctx.Topic()), Partition: ctx.Partition(), Offset: ctx.Offset(),
		Group: string(ctx.Group()), Reason: reason, Value: value,
	}
	var p *panicked
	if errors.As(reason, &p) {
		letter.Stack = p.stack
	}
	log.WithError(reason).WithFields(logrus.Fields{
		"topic": letter.Topic, "partition": letter.Partition, "offset": letter.Offset,
	}).Error("record put aside as dead letter")
	key, record, headers := letter.Record()
	ctx.Emit(topics.DeadLetters, key, record, goka.WithCtxEmitHeaders(headers))
}
