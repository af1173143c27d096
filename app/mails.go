package app

import (
	"context"
	"iter"

	"countersign/api"
	"countersign/stream"
	"countersign/topics"
	"countersign/views"
)

// addMails is the view of what became of mails.
func (n *node) addMails() (mailTable, error) {
	view, err := views.NewMails(n.cluster)
	if err != nil {
		return mailTable{}, err
	}
	n.follow("mails view", view.Run, view.Health)
	return mailTable{view}, nil
}

// mailTable shows the API what became of mails.
type mailTable struct{ view *views.Mails }

// Of returns the mails to an address, newest first.
func (t mailTable) Of(email string) ([]api.Mail, error) {
	mails, err := t.view.Of(email)
	var all []api.Mail
	for _, m := range mails {
		all = append(all, shownMail(m))
	}
	return all, err
}

// Get returns a mail by its id, and whether there is one.
func (t mailTable) Get(id string) (api.Mail, bool, error) {
	m, found, err := t.view.Get(id)
	return shownMail(m), found, err
}

// List iterates over all mails behind one, newest first.
func (t mailTable) List(after string) iter.Seq2[api.Mail, error] {
	return func(yield func(api.Mail, error) bool) {
		for m, err := range t.view.List(after) {
			if !yield(shownMail(m), err) {
				return
			}
		}
	}
}

func shownMail(m views.Mail) api.Mail {
	return api.Mail{
		ID: m.MailID, Email: m.Email, Kind: m.Kind, State: m.State, VerificationID: m.VerificationID, Attempts: m.Attempt,
		QueuedAt: m.QueuedAt, UpdatedAt: m.OccurredAt, NotBefore: m.NotBefore, Deadline: m.Deadline,
		Stage: m.Stage, Reply: m.Reply, MessageID: m.MessageID,
	}
}

// mailCommands hands to Kafka what operators ask about mails.
type mailCommands struct{ emitter *stream.Emitter }

// Order returns when Kafka has acknowledged the command.
func (c mailCommands) Order(ctx context.Context, o api.MailCommand) error {
	value, err := topics.Encode(topics.MailCommand{ID: o.ID, Type: o.Type, Email: o.Email, MailID: o.MailID, RequestedAt: o.At})
	if err != nil {
		return err
	}
	headers := topics.Headers(o.ID, topics.MailCommands+"."+o.Type, topics.SourceAPI, o.At, []byte(api.TraceParent(ctx)))
	return asked(c.emitter.Emit(ctx, topics.MailCommands, o.Email, value, headers))
}

// suppressed shows the API to whom nothing is sent.
type suppressed struct{ view *views.Suppressions }

// Of returns since when and why an address is on the list, and whether it is.
func (s suppressed) Of(email string) (api.Suppression, bool, error) {
	listed, found, err := s.view.Of(email)
	return api.Suppression{At: listed.At, Reply: listed.Reply}, found, err
}
