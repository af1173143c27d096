package views

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"countersign/stream"
	"countersign/topics"
)

// Rules:
//   - a letter's records merge by its id into one row, in the order of their time; an id begins with it;
//   - what failed longer than 14 days ago, the topic's own retention, is dropped.

// DeadLetters is the view of dead_letters.
type DeadLetters struct{ view *stream.View }

// NewDeadLetters returns the view; Run fills it.
func NewDeadLetters(cluster *stream.Cluster) (*DeadLetters, error) {
	view, err := cluster.NewView(stream.ViewConfig{
		Topic: topics.DeadLetters, Codec: topics.Codec[topics.DeadLetter]{}, Update: applyLetter,
	})
	if err != nil {
		return nil, fmt.Errorf("view of %s: %w", topics.DeadLetters, err)
	}
	return &DeadLetters{view}, nil
}

// Run follows the topic until ctx ends.
func (d *DeadLetters) Run(ctx context.Context) error { return d.view.Run(ctx) }

// Health says whether the view has read its topic, and how far it is behind.
func (d *DeadLetters) Health() stream.Health { return d.view.Health() }

// Get returns a letter and whether there is one.
func (d *DeadLetters) Get(id string) (topics.DeadLetter, bool, error) {
	for letter, err := range d.between(id, id+"\x00") {
		return letter, err == nil, err
	}
	return topics.DeadLetter{}, false, nil
}

// After iterates over the letters whose id is greater, those that failed first
// ahead. An error ends it.
func (d *DeadLetters) After(id string) iter.Seq2[topics.DeadLetter, error] {
	return d.between(id+"\x00", "")
}

func (d *DeadLetters) between(start, limit string) iter.Seq2[topics.DeadLetter, error] {
	return func(yield func(topics.DeadLetter, error) bool) {
		for row, err := range d.view.Rows(start, limit) {
			var letter topics.DeadLetter
			if err == nil {
				m := row.Value.(*topics.Message[topics.DeadLetter])
				letter, err = m.Value, m.Err
			}
			if err != nil {
				yield(letter, fmt.Errorf("read %s: %w", topics.DeadLetters, err))
				return
			}
			if !gone(letter, time.Now()) && !yield(letter, nil) {
				return
			}
		}
	}
}

// applyLetter applies a record to the row of its letter, and drops the rows
// that are too old. A record that is about no letter is passed over.
func applyLetter(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
	id := topics.DeadLetterID(ctx.Headers())
	if id == "" {
		return nil
	}
	stored, err := s.Get(id)
	if err != nil {
		return err
	}
	var letter topics.DeadLetter
	if stored != nil {
		if letter, err = decodeLetter(stored); err != nil {
			return err
		}
	}
	letter = letter.Apply(key, value, ctx.Headers())
	if letter.ID == "" {
		return nil // a retry of what is gone
	}
	row, err := topics.Encode(letter)
	if err != nil {
		return err
	}
	if err := s.Set(id, row); err != nil {
		return err
	}
	return dropGone(s, time.Now())
}

// dropGone deletes from the oldest on, up to the first that stays.
func dropGone(s storage.Storage, now time.Time) error {
	rows, err := s.Iterator()
	if err != nil {
		return err
	}
	defer rows.Release()
	for rows.Next() {
		row, err := rows.Value()
		if err != nil {
			return err
		}
		letter, err := decodeLetter(row)
		if err != nil || !gone(letter, now) {
			return err
		}
		if err := s.Delete(string(rows.Key())); err != nil {
			return err
		}
	}
	return rows.Err()
}

func decodeLetter(row []byte) (topics.DeadLetter, error) {
	decoded, _ := topics.Codec[topics.DeadLetter]{}.Decode(row)
	m := decoded.(*topics.Message[topics.DeadLetter])
	return m.Value, m.Err
}

func gone(letter topics.DeadLetter, now time.Time) bool {
	return now.Sub(letter.At) > topics.DeadLettersKept
}
