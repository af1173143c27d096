package app

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"countersign/api"
	"countersign/mail"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
	"countersign/views"
)

// Rules:
//   - what is not named here does not leave: no name, nothing a code is made of, nothing of a client;
//   - an event names the command that caused it, if that is among the last 64 shown.

const rememberedCommands = 64

// history shows the API what the topics tell.
type history struct{ view *views.History }

// Of iterates over what happened to an address.
func (h history) Of(ctx context.Context, email string, since time.Time) iter.Seq2[api.Happening, error] {
	return func(yield func(api.Happening, error) bool) {
		var commands []string // the last ones
		for told, err := range h.view.Of(ctx, email, since) {
			if cut := (*stream.CutError)(nil); errors.As(err, &cut) {
				yield(api.Happening{}, &api.CutError{Until: cut.Until, Topics: cut.Topics, Why: err})
				return
			}
			shown := happening(told)
			switch read := told.Read.(type) {
			case user.Command:
				commands = append(commands, read.ID)
				commands = commands[max(0, len(commands)-rememberedCommands):]
			case topics.Event:
				if i := slices.IndexFunc(commands, read.CausedBy); i >= 0 {
					shown.CommandID = commands[i]
				}
			}
			if !yield(shown, nil) {
				return
			}
		}
	}
}

func happening(told views.Told) api.Happening {
	h := api.Happening{At: told.At.UTC(), Topic: told.Topic, Partition: told.Partition, Offset: told.Offset}
	switch read := told.Read.(type) {
	case user.Command:
		h.Kind, h.What, h.ID, h.VerificationID = api.KindCommand, string(read.Type), read.ID, read.VerificationID
	case topics.Event:
		h.Kind, h.What, h.ID, h.UserID = api.KindEvent, told.Topic, read.ID, read.UserID
		if read.Verification != nil {
			h.VerificationID = read.Verification.ID
		}
	case topics.MailCommand:
		h.Kind, h.What, h.ID, h.MailID = api.KindCommand, read.Type, read.ID, read.MailID
	case topics.MailDelivery:
		h.Kind, h.What, h.Outcome, h.ID, h.VerificationID = api.KindMail, read.Kind, read.State, read.MailID, read.VerificationID
		h.Attempt, h.Detail, h.UserID = read.Attempt, read.Reply, read.UserID
		switch {
		case read.Stage == string(mail.StageSuppressed):
			h.Detail = "its address is suppressed"
		case read.By == string(mail.ByOutbox) && !read.NotBefore.IsZero(): // what came of the attempt stands above
			h.Detail = "the next attempt is at " + read.NotBefore.UTC().Format(time.RFC3339)
		}
	case topics.DeadLetter:
		h.Kind, h.What, h.ID, h.Attempt, h.Detail, h.Outcome = api.KindDeadLetter, read.Topic, read.ID, read.Attempts, read.Reason, "put aside"
		if !read.RetriedAt.IsZero() {
			h.Outcome = api.LetterRetried
		}
	}
	if told.Err != nil {
		h.Detail = told.Err.Error()
	}
	return h
}
