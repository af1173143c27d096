package chaos

// What is held here:
//   - commands come at a steady rate, whatever happens to who processes them;
//   - the ledger has every answer: acknowledged, refused (nothing was done) or unknown.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"countersign/stream"
)

// answer is what an emitter said of a command.
type answer int

const (
	acknowledged answer = iota
	refused
	unknown
)

// load sends commands until it is stopped.
type load struct {
	emitter *stream.Emitter
	topic   string
	keys    int
	end     context.CancelFunc
	sending sync.WaitGroup

	mu      sync.Mutex
	sent    int
	answers map[string]answer
	at      map[string]time.Time // of the acknowledgement
}

// newLoad begins to send rate commands a second.
func newLoad(c *stream.Cluster, topic string, rate, keys int) (*load, error) {
	emitter, err := c.NewEmitter(stream.EmitterConfig{})
	if err != nil {
		return nil, err
	}
	l := &load{emitter: emitter, topic: topic, keys: keys, answers: map[string]answer{}, at: map[string]time.Time{}}
	ctx, cancel := context.WithCancel(context.Background())
	l.end = cancel
	l.sending.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l.sending.Go(func() { l.send(fmt.Sprintf("k%d", rand.IntN(keys))) })
			}
		}
	})
	return l, nil
}

// send sends one command and notes the answer.
func (l *load) send(key string) {
	l.mu.Lock()
	l.sent++
	id := strconv.Itoa(l.sent)
	l.mu.Unlock()
	err := l.emitter.Emit(context.Background(), l.topic, key, []byte(id), nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.answers[id], l.at[id] = acknowledged, time.Now()
	case errors.Is(err, stream.ErrOutcomeUnknown):
		l.answers[id] = unknown
	default:
		l.answers[id] = refused
	}
}

// stop ends the stream of commands and waits for their answers.
func (l *load) stop() {
	l.end()
	l.sending.Wait()
}

// once sends one command to every key, and waits for the answers.
func (l *load) once() {
	for k := range l.keys {
		l.sending.Go(func() { l.send(fmt.Sprintf("k%d", k)) })
	}
	l.sending.Wait()
}

// close gives up what was not acknowledged.
func (l *load) close() {
	l.stop()
	l.emitter.Close()
}
