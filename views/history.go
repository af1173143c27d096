package views

import (
	"context"
	"iter"
	"time"

	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - a history is read from the topics themselves, and shows a record that cannot be read as one;
//   - it is about one address, so one partition of each topic is read.

// History reads what the topics tell of addresses.
type History struct{ cluster *stream.Cluster }

// NewHistory returns a History. It needs no Run.
func NewHistory(cluster *stream.Cluster) *History { return &History{cluster} }

// Told is a record about an address.
type Told struct {
	stream.Scanned
	Read any   // a user.Command, topics.Event with its type, topics.MailCommand, topics.MailDelivery or topics.DeadLetter
	Err  error // why it cannot be read
}

// Of iterates over the records about an address since a time, oldest first. It ends as stream.Cluster's Scan does.
func (h *History) Of(ctx context.Context, email string, since time.Time) iter.Seq2[Told, error] {
	all := append([]string{topics.UserCommands}, topics.Events()...)
	all = append(all, topics.MailCommands, topics.MailDeliveries, topics.DeadLetters)
	return func(yield func(Told, error) bool) {
		for r, err := range h.cluster.Scan(ctx, all, email, since) {
			told := Told{Scanned: r}
			if err == nil {
				told.Read, told.Err = readTold(r)
			}
			if !yield(told, err) {
				return
			}
		}
	}
}

func readTold(r stream.Scanned) (any, error) {
	switch r.Topic {
	case topics.UserCommands:
		return readValue[user.Command](r.Value)
	case topics.MailCommands:
		return readValue[topics.MailCommand](r.Value)
	case topics.MailDeliveries:
		return readValue[topics.MailDelivery](r.Value)
	case topics.DeadLetters:
		return topics.DeadLetter{ID: topics.DeadLetterID(r.Headers)}.Apply(r.Key, r.Value, r.Headers), nil
	}
	event, err := readValue[topics.Event](r.Value)
	event.Type = user.EventType(r.Topic)
	return event, err
}

func readValue[T any](value []byte) (T, error) {
	decoded, _ := topics.Codec[T]{}.Decode(value)
	m := decoded.(*topics.Message[T])
	return m.Value, m.Err
}
