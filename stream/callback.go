package stream

// What is held here:
//   - what a visit writes and emits is in one transaction, as of a record;
//   - a panic ends the life that called, never the process: not a codec's, after which goka would end it, nor a follower's
//     or a view's;
//   - of an error of theirs its type is told, of a panic its type and place: what they say may quote a row.

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/lovoo/goka"
)

// Input is goka.Input, as a Processor's graph needs it: its codec cannot end the process, and of a panic of the callback
// type and place are told. With a goka.Processor it is goka's.
func Input(topic goka.Stream, codec goka.Codec, callback goka.ProcessCallback) goka.Edge {
	return goka.Input(topic, safeCodec{codec}, telling(callback))
}

// Loop is goka.Loop, as Input is goka.Input.
func Loop(codec goka.Codec, callback goka.ProcessCallback) goka.Edge {
	return goka.Loop(safeCodec{codec}, telling(callback))
}

// Visitor is goka.Visitor, as Input is goka.Input. What the callback writes and emits for one key is one transaction.
func Visitor(name string, callback goka.ProcessCallback) goka.Edge {
	callback = telling(callback)
	return goka.Visitor(name, func(ctx goka.Context, meta any) {
		if own, ok := ctx.(lifeContext); ok {
			own.cycle.hand(1)
			defer own.cycle.finish()
		}
		callback(ctx, meta)
	})
}

// checkEdges fails for a graph that was made with goka's own inputs.
func checkEdges(graph *goka.GroupGraph) error {
	inputs := slices.Clone(graph.InputStreams())
	if loop := graph.LoopStream(); loop != nil {
		inputs = append(inputs, loop)
	}
	for _, in := range inputs {
		if _, ok := in.Codec().(safeCodec); !ok {
			return fmt.Errorf("input %s: make it with stream.Input, a loop with stream.Loop", in.Topic())
		}
	}
	return nil
}

// lifeContext is what a callback gets: it knows to which life it belongs.
type lifeContext struct {
	gokaContext
	cycle *cycle
}

// gokaContext is a goka.Context under a name that none of its methods has.
type gokaContext = goka.Context

func (l *life) context(ctx goka.Context) goka.Context { return lifeContext{ctx, l.cycle} }

// telling notes why a callback panics before goka sees it.
func telling(callback goka.ProcessCallback) goka.ProcessCallback {
	return func(ctx goka.Context, value any) {
		own, ok := ctx.(lifeContext)
		defer func() {
			if r := recover(); r != nil {
				if ok {
					own.cycle.fail(fmt.Errorf("%s/%d: %w", ctx.Topic(), ctx.Partition(), panicked("the callback", r)))
				}
				panic(r)
			}
		}()
		callback(ctx, value)
		if ok {
			own.cycle.returned()
		}
	}
}

// safeCodec is a codec that does not panic when it decodes.
type safeCodec struct{ goka.Codec }

// Decode is part of goka.Codec.
func (c safeCodec) Decode(b []byte) (value any, err error) {
	err = guard("the codec", func() (err error) {
		value, err = c.Codec.Decode(b)
		return err
	})
	return value, err
}

// guard calls do and says what can be told of its failure: the type of its error, or of its panic and the place.
func guard(whose string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panicked(whose, r)
		}
	}()
	if err := do(); err != nil {
		return fmt.Errorf("%s fails with a %T", whose, err)
	}
	return nil
}

// panicked says what can be told of a panic, while it is recovered: its type, and the first line of code on its way that
// is neither Go's nor goka's.
func panicked(whose string, r any) error {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for thrown := false; ; {
		f, more := frames.Next()
		thrown = thrown || f.Function == "runtime.gopanic"
		if !more || thrown && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "github.com/lovoo/goka.") {
			return fmt.Errorf("%s panicked with a %T at %s:%d", whose, r, filepath.Base(f.File), f.Line)
		}
	}
}
