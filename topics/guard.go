package topics

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrPanic means that something panicked.
var ErrPanic = errors.New("panic")

// Panic is a panic that was caught where nothing had been written yet. It does
// not say what it was raised with: that might hold a part of a value.
type Panic struct {
	kind  string
	stack []byte
}

func (p *Panic) Error() string { return ErrPanic.Error() + ": " + p.kind }

// Unwrap returns ErrPanic.
func (p *Panic) Unwrap() error { return ErrPanic }

// Guard returns f's error, and a *Panic if f panics. f must not have written
// anything by then: a panic behind a write must end the processor.
func Guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Panic{fmt.Sprintf("%T", r), debug.Stack()}
		}
	}()
	return f()
}
