package stream

// What is held here:
//   - a goka.Processor and a goka.View run once; whenever one ends before its context does, another is built, ever later
//     if they keep ending;
//   - where another would fail for certain (errDir), none is built, and who runs this process is told;
//   - why one ended is logged once, in one line, without what goka knows of keys and values (log.go); the same again and
//     again, now and then.

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sirupsen/logrus"
)

// ranWell is after how long a life the wait before the next begins small again, sameInterval how often lives that end for
// one reason are warned of.
const (
	ranWell      = 10 * time.Second
	sameInterval = time.Minute
)

// supervise lives again and again until ctx ends, and tells ended of each life's error. It fails with an error that
// no other life would mend.
func supervise(ctx context.Context, log logrus.FieldLogger, live func(context.Context) error, ended func(why string)) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 10*time.Second
	var last string
	var warned time.Time
	for lives := 1; ; lives++ {
		begun := time.Now()
		err := live(ctx)
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				log.WithField("error", told(err.Error())).Warn("stopped, but not cleanly")
			}
			return nil
		}
		if err == nil {
			err = errors.New("goka ended by itself")
		}
		why := told(err.Error())
		ended(why)
		if errors.Is(err, errDir) {
			return errors.New(why)
		}
		if time.Since(begun) > ranWell {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		at := logrus.DebugLevel
		if why != last || time.Since(warned) >= sameInterval {
			at, last, warned = logrus.WarnLevel, why, time.Now()
		}
		log.WithFields(logrus.Fields{"error": why, "again_in": pause, "lives": lives}).Log(at, "ended, begins again")
		sleep(ctx, pause)
	}
}
