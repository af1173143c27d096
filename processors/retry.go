package processors

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - a letter is given back once for each time it failed, whoever asks at once or again: its record and the word that
//     it was retried are one transaction, written by who has read all such words (stream.Ledger);
//   - what is not as it was is not given back: a cut value or a redacted code would be something else; nor is what a
//     letter says to be from a topic that is no input here;
//   - what was recorded before its address was erased is not given back: it would bring the person back. Step refuses
//     it too, so an erasure that is not seen here yet does no harm.

// RetryTransactionalID is that of whoever retries.
const RetryTransactionalID = "dead-letters"

// ErrNoLetter means that there is no letter with that id.
var ErrNoLetter = errors.New("there is no such letter")

// RetriedError means that a letter was retried before, and has not failed again.
type RetriedError struct{ At time.Time }

func (e *RetriedError) Error() string {
	return "it was retried at " + e.At.Format(time.RFC3339) + ", and has not failed again"
}

// RefusedError means that a letter can never be retried.
type RefusedError struct{ why string }

func (e *RefusedError) Error() string { return e.why }

// Accounts knows who was erased.
type Accounts interface {
	// Get returns the state of a normalised address, and whether there is one.
	Get(email string) (user.State, bool, error)
}

// Retrier gives letters back. It may be used by any number of goroutines.
type Retrier struct {
	ledger   *stream.Ledger
	accounts Accounts
}

// NewRetrier returns a Retrier.
func NewRetrier(cluster *stream.Cluster, accounts Accounts) (*Retrier, error) {
	ledger, err := cluster.NewLedger(stream.LedgerConfig{Name: RetryTransactionalID, Topic: topics.DeadLetters})
	return &Retrier{ledger, accounts}, err
}

// Retry gives the letters back, all of those that may be or none, and returns
// for each that was not why, by its id. Its error wraps stream.ErrUnavailable if
// nothing was done, and stream.ErrOutcomeUnknown if that is not known: repeating
// it does what is not done yet. In a cluster of at_least_once a retry that was
// interrupted may give a letter back twice.
func (r *Retrier) Retry(ctx context.Context, ids ...string) (map[string]error, error) {
	var not map[string]error
	var failed error
	us := rand.Text() // tells our own retry, of which only the acknowledgement was lost, from others'
	err := r.ledger.Write(ctx, func(past iter.Seq[stream.Record]) []stream.Record {
		var records []stream.Record
		not, failed = map[string]error{}, nil
		letters := lettersOf(past, ids)
		for _, id := range ids {
			letter, known := letters[id]
			switch {
			case !known:
				not[id] = ErrNoLetter
				continue
			case letter.RetriedBy == us:
				continue
			case !letter.RetriedAt.IsZero():
				not[id] = &RetriedError{letter.RetriedAt}
				continue
			}
			refusal, err := r.Refusal(letter)
			if err != nil {
				failed = err
				return nil
			}
			if refusal != nil {
				not[id] = refusal
				continue
			}
			records = append(records, retryOf(letter, us)...)
		}
		return records
	})
	return not, cmp.Or(failed, err)
}

// lettersOf are the letters with these ids, as they are after all records.
func lettersOf(past iter.Seq[stream.Record], ids []string) map[string]topics.DeadLetter {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	letters := map[string]topics.DeadLetter{}
	for r := range past {
		if id := topics.DeadLetterID(r.Headers); wanted[id] {
			if letter := letters[id].Apply(r.Key, r.Value, r.Headers); letter.ID != "" {
				letters[id] = letter
			}
		}
	}
	return letters
}

// Refusal says why a letter can never be given back, nil if it can be.
func (r *Retrier) Refusal(letter topics.DeadLetter) (*RefusedError, error) {
	if letter.Altered != "" {
		return &RefusedError{"it is not as it was (" + letter.Altered + "), so it cannot be given back"}, nil
	}
	if !slices.ContainsFunc(topics.All(), func(t topics.Topic) bool { return t.Input && t.Name == letter.Topic }) {
		return &RefusedError{"its topic is no input of any group"}, nil
	}
	email, err := user.NormalizeAddress(letter.Key, false)
	if err != nil {
		return nil, nil // nobody's
	}
	account, _, err := r.accounts.Get(email)
	if err != nil {
		return nil, fmt.Errorf("look whether its address was erased: %w: %w", stream.ErrUnavailable, err)
	}
	if letter.RecordedAt.Before(account.ErasedAt) {
		return &RefusedError{"its address was erased at " + account.ErasedAt.Format(time.RFC3339) + ", and it is from before"}, nil
	}
	return nil, nil
}

// retryOf are the record once more, and the word of it.
func retryOf(letter topics.DeadLetter, by string) []stream.Record {
	key, value, headers := letter.Original()
	record := stream.Record{Topic: letter.Topic, Key: key, Value: value, Headers: headers}
	key, headers = letter.Retried(time.Now(), by)
	return []stream.Record{record, {Topic: topics.DeadLetters, Key: key, Headers: headers}}
}
