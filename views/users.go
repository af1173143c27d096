package views

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// Users is the view of user-service-table.
type Users struct {
	view     *stream.View
	waiters  waiters
	watchers watchers
}

// NewUsers returns the view; Run fills it.
func NewUsers(cluster *stream.Cluster) (*Users, error) {
	u := &Users{}
	view, err := cluster.NewView(stream.ViewConfig{
		Topic: topics.UserTable, Codec: topics.Codec[user.State]{},
		Changed: func(key string, _ int32, _ int64) {
			u.waiters.wake(key)
			u.watchers.tell(key)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("view of %s: %w", topics.UserTable, err)
	}
	u.view = view
	return u, nil
}

// Run follows the table until ctx ends.
func (u *Users) Run(ctx context.Context) error { return u.view.Run(ctx) }

// Health says whether the view has read its table, and how far it is behind.
func (u *Users) Health() stream.Health { return u.view.Health() }

// Get returns the state of an address and whether there is one.
func (u *Users) Get(email string) (user.State, bool, error) {
	state, _, _, found, err := u.Locate(email)
	return state, found, err
}

// Locate returns the state of an address, where in the table it was written,
// and whether there is one.
func (u *Users) Locate(email string) (state user.State, partition int32, offset int64, found bool, err error) {
	row, err := u.view.Row(email)
	if row == nil || err != nil {
		return user.State{}, 0, 0, false, err
	}
	m := row.Value.(*topics.Message[user.State])
	return m.Value, row.Partition, row.Offset, m.Err == nil, m.Err
}

// List iterates over the states of the addresses that begin with a prefix and
// stand behind after, in the order of the addresses. A row that cannot be read,
// perhaps another version's, is passed over. An error ends it.
func (u *Users) List(prefix, after string) iter.Seq2[user.State, error] {
	return func(yield func(user.State, error) bool) {
		for row, err := range u.view.Rows(max(prefix, after+"\x00"), prefix+beyond) {
			if err != nil {
				yield(user.State{}, fmt.Errorf("read %s: %w", topics.UserTable, err))
				return
			}
			m := row.Value.(*topics.Message[user.State])
			m.Value.Email = row.Key
			if m.Err == nil && !yield(m.Value, nil) {
				return
			}
		}
	}
}

// beyond stands in no text, and is greater than any.
const beyond = "\xff"

// Await returns the state of an address as soon as it holds the outcome of a
// command, at once if it does already. It ends with ctx.
func (u *Users) Await(ctx context.Context, email, verificationID, commandID string) (user.State, user.Outcome, error) {
	changed, done := u.waiters.add(email)
	defer done()
	for {
		state, _, err := u.Get(email)
		if err != nil {
			return state, user.Outcome{}, err
		}
		if outcome, ok := state.Outcome(verificationID, commandID); ok {
			return state, outcome, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return state, user.Outcome{}, ctx.Err()
		}
	}
}

// Watch returns a channel that gets the address of each row that changes from
// now on, until done is called. It is closed when it holds 256 that were not
// taken: who watches was too slow, and is told of no more.
func (u *Users) Watch() (changed <-chan string, done func()) { return u.watchers.add() }

// waiters are those who wait for a key to change.
type waiters struct {
	mu    sync.Mutex
	byKey map[string]map[chan struct{}]bool
}

// add returns a channel that gets a value after each change of key, until done is called.
func (w *waiters) add(key string) (changed <-chan struct{}, done func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKey == nil {
		w.byKey = map[string]map[chan struct{}]bool{}
	}
	if w.byKey[key] == nil {
		w.byKey[key] = map[chan struct{}]bool{}
	}
	w.byKey[key][c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byKey[key], c)
		if len(w.byKey[key]) == 0 {
			delete(w.byKey, key)
		}
	}
}

func (w *waiters) wake(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.byKey[key] {
		select {
		case c <- struct{}{}:
		default: // a change is noted already
		}
	}
}
