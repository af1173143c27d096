package app

import (
	"context"
	"errors"
	"iter"
	"unicode/utf8"

	"countersign/api"
	"countersign/processors"
	"countersign/topics"
	"countersign/views"
)

// addDeadLetters is what the api role shows and does about dead letters.
func (n *node) addDeadLetters(accounts processors.Accounts) (api.DeadLetters, error) {
	view, err := views.NewDeadLetters(n.cluster)
	if err != nil {
		return nil, err
	}
	retrier, err := processors.NewRetrier(n.cluster, accounts)
	if err != nil {
		return nil, err
	}
	n.follow("dead letters view", view.Run, view.Health)
	return deadLetters{view, retrier}, nil
}

// deadLetters shows the API what was put aside.
type deadLetters struct {
	view    *views.DeadLetters
	retrier *processors.Retrier
}

// After iterates over the letters whose id is greater.
func (d deadLetters) After(id string) iter.Seq2[api.DeadLetter, error] {
	return func(yield func(api.DeadLetter, error) bool) {
		for letter, err := range d.view.After(id) {
			var shown api.DeadLetter
			if err == nil {
				shown, err = d.show(letter)
			}
			if !yield(shown, err) || err != nil {
				return
			}
		}
	}
}

// Get returns a letter, and whether there is one.
func (d deadLetters) Get(id string) (api.DeadLetter, bool, error) {
	letter, found, err := d.view.Get(id)
	if !found || err != nil {
		return api.DeadLetter{}, false, err
	}
	shown, err := d.show(letter)
	return shown, err == nil, err
}

func (d deadLetters) show(letter topics.DeadLetter) (api.DeadLetter, error) {
	shown := api.DeadLetter{
		ID: letter.ID, State: api.LetterOpen, Attempts: letter.Attempts, FailedAt: letter.At, RetriedAt: letter.RetriedAt,
		Reason: letter.Reason, Topic: letter.Topic, Partition: letter.Partition, Offset: letter.Offset, Group: letter.Group,
		RecordedAt: letter.RecordedAt, Stack: letter.Stack, Key: letter.Key, Headers: map[string]string{},
	}
	refusal, err := d.retrier.Refusal(letter)
	switch {
	case err != nil:
		return shown, err
	case !letter.RetriedAt.IsZero():
		shown.State = api.LetterRetried
	case refusal != nil:
		shown.State, shown.Refused = api.LetterRefused, refusal.Error()
	}
	if text := string(letter.Value); letter.Value != nil && utf8.Valid(letter.Value) {
		shown.Value = &text
	} else {
		shown.Binary = letter.Value
	}
	for name, value := range letter.Headers {
		shown.Headers[name] = string(value)
	}
	return shown, nil
}

// Retry gives letters back to their topics.
func (d deadLetters) Retry(ctx context.Context, ids ...string) (map[string]api.NotRetried, error) {
	not, err := d.retrier.Retry(ctx, ids...)
	if err != nil {
		return nil, asked(err)
	}
	all := map[string]api.NotRetried{}
	for id, why := range not {
		n := api.NotRetried{Why: why.Error()}
		if retried := (*processors.RetriedError)(nil); errors.As(why, &retried) {
			n.State = api.LetterRetried
		} else if refused := (*processors.RefusedError)(nil); errors.As(why, &refused) {
			n.State = api.LetterRefused
		}
		all[id] = n
	}
	return all, nil
}
