package processors

import (
	"errors"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"

	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - a command and the state of its address go to user.Step; what it returns is the new row and the events;
//   - with exactly once a row, its events and the command's offset are one transaction;
//   - with at least once a row remembers the record applied last and its events: the same record
//     again emits the same events again and changes nothing.

// UsersConfig of the user service's processor.
type UsersConfig struct {
	// CodeSecrets puts the code into the events that ask for a mail, for
	// consumers that compose their own. Defaults to none: no code in Kafka.
	CodeSecrets user.Secrets
	// InputID is the topic id of user_commands. Set, rows remember the record
	// applied last, as at least once needs it. Defaults to none.
	InputID string
	// Partitions is how many partitions every topic has.
	Partitions int32
	Log        logrus.FieldLogger
}

type users struct{ UsersConfig }

// userRow is a row of the group table.
type userRow struct {
	user.State
	Applied *applied `json:"applied,omitempty"`
}

// applied is the record that a row was made by, and its events without codes;
// at least once only.
type applied struct {
	InputID string         `json:"input_id"`
	Offset  int64          `json:"offset"`
	Events  []appliedEvent `json:"events"`
}

type appliedEvent struct {
	Type user.EventType `json:"type"`
	user.Event
}

// Users returns the graph of the user service.
func Users(cfg UsersConfig) *goka.GroupGraph {
	u := users{cfg}
	edges := []goka.Edge{
		goka.Input(topics.UserCommands, topics.Codec[user.Command]{}, u.command),
		goka.Persist(topics.Codec[userRow]{}),
		goka.Output(topics.DeadLetters, topics.Bytes{}),
	}
	for _, topic := range topics.Events() {
		edges = append(edges, goka.Output(goka.Stream(topic), topics.Codec[topics.Event]{}))
	}
	return goka.DefineGroup(topics.UserService, edges...)
}

func (u users) command(ctx goka.Context, value any) {
	m := value.(*topics.Message[user.Command])
	row, err := storedRow[userRow](ctx)
	if err := errors.Join(err, m.Err); err != nil {
		deadLetter(ctx, u.Log, m.Raw, err)
		return
	}
	if a := row.Applied; a != nil && a.InputID == u.InputID && a.Offset == ctx.Offset() {
		for _, e := range a.Events {
			u.emit(ctx, e.Type, e.Event)
		}
		return
	}
	var (
		next    userRow
		events  []user.Event
		outcome user.Outcome
	)
	if p := guard(func() {
		if err = errors.Join(checkPlace(ctx, m.Value.Email, u.Partitions), m.Value.Validate()); err == nil {
			next.State, events, outcome = user.Step(row.State, m.Value, ctx.Timestamp())
		}
	}); p != nil {
		err = p
	}
	if err != nil {
		deadLetter(ctx, u.Log, m.Raw, err)
		return
	}
	if next.Version == row.Version {
		return // a repeat
	}
	if u.InputID != "" {
		next.Applied = &applied{InputID: u.InputID, Offset: ctx.Offset()}
		for _, e := range events {
			next.Applied.Events = append(next.Applied.Events, appliedEvent{e.Type, e})
		}
	}
	u.Log.WithFields(logrus.Fields{
		"command": m.Value.Type, "result": outcome.Result, "user_id": next.UserID, "version": next.Version,
	}).Info("command applied")
	ctx.SetValue(next)
	for _, e := range events {
		u.emit(ctx, e.Type, e)
	}
}

// emit adds the code, where that is asked for. With a secret that is not known
// here the event goes without: who mails from it waits for the next one, and
// our own notifier needs none.
func (u users) emit(ctx goka.Context, t user.EventType, e user.Event) {
	if v := e.Verification; v != nil && len(v.Nonce) > 0 && len(u.CodeSecrets) > 0 {
		if secret, err := u.CodeSecrets.Find(v.SecretID); err != nil {
			u.Log.WithError(err).WithField("event_id", e.ID).Error("event goes without its code")
		} else {
			e.Code = secret.Code(e.Email, v.ID, v.Nonce)
		}
	}
	headers := topics.Headers(e.ID, string(t), topics.SourceUsers, e.OccurredAt, ctx.Headers()[topics.TraceParent])
	ctx.Emit(goka.Stream(t), ctx.Key(), e, goka.WithCtxEmitHeaders(headers))
}

// storedRow reads the row of the record's key; a key that was never seen has the zero row.
func storedRow[T any](ctx goka.Context) (T, error) {
	m, ok := ctx.Value().(*topics.Message[T])
	if !ok {
		return *new(T), nil
	}
	return m.Value, m.Err
}
