package stream

// What is held here:
//   - what the Kafka client reports as a warning or an error is logged as one, the rest at debug level;
//   - goka's own log is debugging, except its errors.

import (
	"fmt"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// clientLog is a kgo.Logger.
type clientLog struct{ log logrus.FieldLogger }

func (l clientLog) Level() kgo.LogLevel {
	if l.log.WithFields(nil).Logger.IsLevelEnabled(logrus.DebugLevel) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l clientLog) Log(level kgo.LogLevel, msg string, pairs ...any) {
	fields := logrus.Fields{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	at := logrus.DebugLevel
	switch level {
	case kgo.LogLevelError:
		at = logrus.ErrorLevel
	case kgo.LogLevelWarn:
		at = logrus.WarnLevel
	}
	l.log.WithFields(fields).Log(at, msg)
}

// gokaLog is a goka.Logger.
type gokaLog struct{ log logrus.FieldLogger }

func (l gokaLog) Print(args ...any)   { l.print(fmt.Sprint(args...)) }
func (l gokaLog) Println(args ...any) { l.print(fmt.Sprint(args...)) }

func (l gokaLog) Printf(format string, args ...any) { l.print(fmt.Sprintf(format, args...)) }

func (l gokaLog) print(msg string) {
	if strings.Contains(strings.ToLower(msg), "error") {
		l.log.Warn(oneLine(msg))
		return
	}
	l.log.Debug(oneLine(msg))
}

// oneLine folds goka's lists of errors, which have a line each.
func oneLine(msg string) string { return strings.Join(strings.Fields(msg), " ") }
