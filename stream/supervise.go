package stream

// What is held here:
//   - a goka.Processor and a goka.View run once; whenever one ends before its context does, another is built, ever later
//     if they keep ending;
//   - why one ended is logged once, in one line, without what goka knows of keys and values (log.go).

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sirupsen/logrus"
)

// ranWell is after how long a life the wait before the next begins small again.
const ranWell = 10 * time.Second

// supervise lives again and again until ctx ends, and tells ended of each life's error.
func supervise(ctx context.Context, log logrus.FieldLogger, live func(context.Context) error, ended func(why string)) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 10*time.Second
	for {
		begun := time.Now()
		err := live(ctx)
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				log.WithField("error", told(err.Error())).Warn("stopped, but not cleanly")
			}
			return
		}
		if err == nil {
			err = errors.New("goka ended by itself")
		}
		why := told(err.Error())
		ended(why)
		if time.Since(begun) > ranWell {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		log.WithFields(logrus.Fields{"error": why, "again_in": pause}).Warn("ended, begins again")
		sleep(ctx, pause)
	}
}
