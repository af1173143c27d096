package api_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/api"
	"countersign/user"
)

// fold is the way of a command without Kafka: it applies user.Step at once and
// shows the states, so the handlers meet the real rules.
type fold struct {
	mu       sync.Mutex
	now      time.Time // zero: the clock's
	states   map[string]user.State
	commands []user.Command
	mails    map[string][]api.Mail
	changed  chan struct{} // closed and replaced at each change
	watchers []chan string

	sendErr error // what Send answers
	readErr error // what Get, Await and Of answer
	lost    bool  // accept commands and never apply them
}

func newFold() *fold {
	return &fold{states: map[string]user.State{}, mails: map[string][]api.Mail{}, changed: make(chan struct{})}
}

func (f *fold) Send(_ context.Context, c user.Command) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sendErr != nil {
		return f.sendErr
	}
	if err := c.Validate(); err != nil {
		return err
	}
	f.commands = append(f.commands, c)
	if f.lost {
		return nil
	}
	f.apply(c)
	return nil
}

// apply takes a command; f.mu is held.
func (f *fold) apply(c user.Command) {
	now := f.now
	if now.IsZero() {
		now = time.Now()
	}
	f.states[c.Email], _, _ = user.Step(f.states[c.Email], c, now)
	close(f.changed)
	f.changed = make(chan struct{})
	f.tell(c.Email)
}

// tell tells who watches; f.mu is held.
func (f *fold) tell(email string) {
	for _, w := range f.watchers {
		w <- email
	}
}

func (f *fold) List(prefix, after string) iter.Seq2[user.State, error] {
	return func(yield func(user.State, error) bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.readErr != nil {
			yield(user.State{}, f.readErr)
			return
		}
		for _, email := range slices.Sorted(maps.Keys(f.states)) {
			if strings.HasPrefix(email, prefix) && email > after && !yield(f.states[email], nil) {
				return
			}
		}
	}
}

func (f *fold) Watch() (changed <-chan string, done func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(chan string, 16)
	f.watchers = append(f.watchers, c)
	return c, func() {}
}

func (f *fold) Get(email string) (user.State, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	state, found := f.states[email]
	return state, found, f.readErr
}

func (f *fold) Await(ctx context.Context, email, verificationID, commandID string) (user.State, user.Outcome, error) {
	for {
		f.mu.Lock()
		state, changed := f.states[email], f.changed
		f.mu.Unlock()
		if o, ok := state.Outcome(verificationID, commandID); ok {
			return state, o, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return user.State{}, user.Outcome{}, ctx.Err()
		}
	}
}

func (f *fold) Locate(email string) (state user.State, partition int32, offset int64, found bool, err error) {
	state, found, err = f.Get(email)
	return state, 3, state.Version + 40, found, err
}

func (f *fold) Of(email string) ([]api.Mail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.mails[email]), f.readErr
}

// sent returns the commands that were taken.
func (f *fold) sent() []user.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.commands)
}

// set changes how the fold behaves from now on.
func (f *fold) set(change func(*fold)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}
