package processors

import (
	"errors"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - a command and the state of its address go to user.Step; what it returns is the new row and the events;
//   - with exactly once a row, its events and the command's offset are one transaction;
//   - with at least once a row remembers the record applied last and its events: the same record
//     again emits the same events again and changes nothing. A row that goes takes that with it: the sweep again finds no
//     row, and what came before it is older than whatever a row is kept for.

// UsersConfig of the user service's processor.
type UsersConfig struct {
	// CodeSecrets puts the code into the events that ask for a mail, for
	// consumers that compose their own. Defaults to none: no code in Kafka.
	CodeSecrets user.Secrets
	// Policy is that of sweeps. Defaults to user.DefaultPolicy.
	Policy user.Policy
	// AtLeastOnce has rows remember the record applied last, and answer it with
	// the same events when it comes again.
	AtLeastOnce bool
	// Partitions is how many partitions every topic has.
	Partitions int32
	// Registry takes the metrics. Defaults to none.
	Registry prometheus.Registerer
	Log      logrus.FieldLogger
}

type users struct{ UsersConfig }

// userRow is a row of the group table.
type userRow struct {
	user.State
	Applied *applied `json:"applied,omitempty"`
}

// applied is the record that a row was made by, and its events without codes;
// at least once only. Its time tells it from the one that has its offset in a
// topic that was made anew.
type applied struct {
	Offset     int64          `json:"offset"`
	RecordedAt time.Time      `json:"recorded_at"`
	Events     []appliedEvent `json:"events"`
}

type appliedEvent struct {
	Type user.EventType `json:"type"`
	user.Event
}

// Users returns the graph of the user service, and how it is processed.
func Users(cfg UsersConfig) (as stream.ProcessorConfig, err error) {
	u := users{cfg}
	letters := newDeadLetters(topics.UserService, cfg.Log)
	edges := []goka.Edge{
		stream.Input(topics.UserCommands, topics.Codec[user.Command]{}, handle(letters, u.command)),
		stream.Visitor(sweep, u.sweep),
		goka.Output(topics.UserCommands, topics.Codec[user.Command]{}),
		goka.Persist(topics.Codec[userRow]{}),
		goka.Output(topics.DeadLetters, topics.Bytes{}),
	}
	for _, topic := range topics.Events() {
		edges = append(edges, goka.Output(goka.Stream(topic), topics.Codec[topics.Event]{}))
	}
	as.Graph = goka.DefineGroup(topics.UserService, edges...)
	return as, letters.count(as.Graph, cfg.Registry)
}

// command applies a command to the row of its address.
func (u users) command(at place, row userRow, c user.Command) (change, error) {
	var made change
	if a := row.Applied; u.AtLeastOnce && a != nil && a.Offset == at.Offset() && a.RecordedAt.Equal(at.Timestamp()) {
		for _, e := range a.Events {
			if err := u.tell(&made, at, e.Type, e.Event); err != nil {
				return made, err
			}
		}
		return made, nil
	}
	if err := errors.Join(checkPlace(at, c.Email, u.Partitions), c.Validate()); err != nil {
		return made, err
	}
	if retry, ok := topics.RetryOf(at.Headers(), topics.UserService); ok {
		c.FirstRecorded = retry.RecordedAt
	}
	state, events, outcome := user.Step(row.State, c, at.Timestamp())
	if state.Version == row.Version {
		return made, nil // a repeat, or refused
	}
	next := userRow{State: state}
	if u.AtLeastOnce {
		next.Applied = &applied{Offset: at.Offset(), RecordedAt: at.Timestamp().UTC()}
	}
	for _, e := range events {
		if err := u.tell(&made, at, e.Type, e); err != nil {
			return made, err
		}
		if next.Applied != nil {
			next.Applied.Events = append(next.Applied.Events, appliedEvent{e.Type, e})
		}
	}
	if state.Version == 0 {
		made.gone = true
	} else if err := made.set(next); err != nil {
		return made, err
	}
	u.Log.WithFields(logrus.Fields{
		"command": c.Type, "result": outcome.Result, "user_id": next.UserID, "version": next.Version,
	}).Info("command applied")
	return made, nil
}

// tell adds the code, where that is asked for. With a secret that is not known
// here the event goes without: who mails from it waits for the next one, and
// our own notifier needs none.
func (u users) tell(made *change, at place, t user.EventType, e user.Event) error {
	if v := e.Verification; v != nil && !v.LinkOnly && (t == user.AccountCreated || t == user.CodeRequested) && len(u.CodeSecrets) > 0 {
		if secret, err := u.CodeSecrets.Find(v.SecretID); err != nil {
			u.Log.WithError(err).WithField("event_id", e.ID).Error("event goes without its code")
		} else {
			e.Code = secret.Code(e.Email, v.ID, v.Nonce)
		}
	}
	headers := topics.Headers(e.ID, string(t), topics.SourceUsers, e.OccurredAt, at.Headers()[topics.TraceParent])
	return made.tell(goka.Stream(t), e, headers)
}
