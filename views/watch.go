package views

import "sync"

// Rules:
//   - who watches hears of every change from then on, and never holds up the view;
//   - who falls behind by more than so many changes is not told of any more: its channel is closed.

const watchedAhead = 256

// watchers are those who watch a table.
type watchers struct {
	mu  sync.Mutex
	all map[chan string]bool
}

func (w *watchers) add() (changed <-chan string, done func()) {
	c := make(chan string, watchedAhead)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan string]bool{}
	}
	w.all[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, c)
	}
}

func (w *watchers) tell(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		select {
		case c <- key:
		default:
			delete(w.all, c)
			close(c)
		}
	}
}
