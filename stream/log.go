package stream

// What is held here:
//   - what the Kafka client reports as a warning or an error is logged as one, the same at most every ten seconds; the
//     rest is debugging, and so is all of it before a broker has answered: then Dial's error says it;
//   - goka's own log is debugging; the errors that end a processor come back from it and are logged there, the others
//     (of a view, which goes on) are warnings;
//   - no key, no value and no text of a callback (what it panics with, what its codec or its update says) is ever in a log
//     line, in an error or in a Health. Errors made here name topics, partitions, offsets and types. goka's name keys:
//     whatever it says passes through told.

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// repeatInterval is how often a client may say the same above debug level: it tries again many times a second.
const repeatInterval = 10 * time.Second

// clientLog is a kgo.Logger.
type clientLog struct {
	log  logrus.FieldLogger
	name string // of the client
	said *said
}

// Level is part of kgo.Logger.
func (l clientLog) Level() kgo.LogLevel {
	if l.log.WithFields(nil).Logger.IsLevelEnabled(logrus.DebugLevel) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

// Log is part of kgo.Logger.
func (l clientLog) Log(level kgo.LogLevel, msg string, pairs ...any) {
	fields := logrus.Fields{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	at := logrus.DebugLevel
	switch {
	case level > kgo.LogLevelWarn || l.said.lately(l.name+msg):
	case level == kgo.LogLevelWarn:
		at = logrus.WarnLevel
	default:
		at = logrus.ErrorLevel
	}
	l.log.WithFields(fields).Log(at, msg)
}

// said are the messages of a cluster's clients and when they were last logged.
type said struct {
	mu     sync.Mutex
	speaks bool
	at     map[string]time.Time
}

// speak ends the time in which everything counts as said.
func (s *said) speak() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.speaks = true
}

// lately says whether a message was logged within repeatInterval; if not, it is now.
func (s *said) lately(msg string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.speaks {
		return true
	}
	now := time.Now()
	lately := now.Sub(s.at[msg]) < repeatInterval
	if !lately {
		s.at[msg] = now
	}
	return lately
}

// gokaLog is a goka.Logger.
type gokaLog struct {
	log    logrus.FieldLogger
	errors logrus.Level
}

// Print is part of goka.Logger.
func (l gokaLog) Print(args ...any) { l.print(fmt.Sprint(args...)) }

// Println is part of goka.Logger.
func (l gokaLog) Println(args ...any) { l.print(fmt.Sprint(args...)) }

// Printf is part of goka.Logger.
func (l gokaLog) Printf(format string, args ...any) { l.print(fmt.Sprintf(format, args...)) }

func (l gokaLog) print(msg string) {
	at := logrus.DebugLevel
	if strings.Contains(strings.ToLower(msg), "error") && !strings.Contains(msg, context.Canceled.Error()) {
		at = l.errors
	}
	l.log.WithFields(nil).Log(at, told(msg))
}

// What goka says of a callback or a row goes on with keys, values and the text of a panic. Its kind may be told, and of a
// panic's stack the place.
var (
	withheld = regexp.MustCompile(`(?s)(error processing message \(partition=\d+\)(?:: (?:panic in callback|` +
		`a?synchronous error (?:in|from) callback|error decoding message))?|error (?:getting|decoding) value).*`)
	place = regexp.MustCompile(`(?m)^\t(?:\S*/)?([\w-]+\.go:\d+)$`)
)

// told is what may be told of goka's words, in one line.
func told(text string) string {
	return oneLine(withheld.ReplaceAllStringFunc(text, func(rest string) string {
		kind := withheld.FindStringSubmatch(rest)[1]
		if at := place.FindStringSubmatch(rest); at != nil {
			kind += " at " + at[1]
		}
		return kind
	}))
}

// oneLine unfolds goka's lists of errors, which have a heading and a line each.
func oneLine(msg string) string {
	words := strings.Fields(msg)
	kept := words[:0]
	for i := 0; i < len(words); i++ {
		if i+2 < len(words) && strings.HasPrefix(words[i+1], "error") && words[i+2] == "occurred:" {
			i += 2
			continue
		}
		if words[i] != "*" {
			kept = append(kept, words[i])
		}
	}
	return strings.Join(kept, " ")
}
