package views

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"countersign/stream"
	"countersign/topics"
)

// Rules:
//   - what mail_deliveries tells of a mail merges by its id into one entry, and an address's entries into one row;
//   - a mail that is done stays done, but one that a relay took was sent, whatever was decided meanwhile;
//   - what is older than seven days, the topic's own retention, is dropped.

const mailsKept = 7 * 24 * time.Hour

// Mail is what became of a mail.
type Mail struct {
	topics.MailDelivery
	QueuedAt time.Time `json:"queued_at"` // when it was first told of; OccurredAt is the last change
}

// Mails is the view of mail_deliveries.
type Mails struct{ view *stream.View }

// NewMails returns the view; Run fills it.
func NewMails(cluster *stream.Cluster) (*Mails, error) {
	view, err := cluster.NewView(stream.ViewConfig{Topic: topics.MailDeliveries, Codec: topics.Codec[[]Mail]{}, Update: mergeMail})
	if err != nil {
		return nil, fmt.Errorf("view of %s: %w", topics.MailDeliveries, err)
	}
	return &Mails{view}, nil
}

// Run follows the topic until ctx ends.
func (m *Mails) Run(ctx context.Context) error { return m.view.Run(ctx) }

// Health says whether the view has read its topic, and how far it is behind.
func (m *Mails) Health() stream.Health { return m.view.Health() }

// Of returns the mails to an address, newest first.
func (m *Mails) Of(email string) ([]Mail, error) {
	stored, err := m.view.Get(email)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", topics.MailDeliveries, err)
	}
	row, ok := stored.(*topics.Message[[]Mail])
	if !ok {
		return nil, nil
	}
	mails := recent(row.Value, time.Now())
	slices.Reverse(mails)
	return mails, row.Err
}

// mergeMail merges a record into the row of its address. A record that cannot
// be read is passed over: the processor that read it put it aside.
func mergeMail(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
	decoded, _ := topics.Codec[topics.MailDelivery]{}.Decode(value)
	d := decoded.(*topics.Message[topics.MailDelivery])
	if d.Err != nil || d.Value.Email != key || d.Value.MailID == "" {
		return nil
	}
	stored, err := s.Get(key)
	if err != nil {
		return err
	}
	var row []Mail
	if stored != nil {
		if err := json.Unmarshal(stored, &row); err != nil {
			return fmt.Errorf("row of %s: %w", topics.MailDeliveries, err)
		}
	}
	encoded, err := json.Marshal(merged(row, d.Value))
	if err != nil {
		return err
	}
	return s.Set(key, encoded)
}

// merged returns the row with the change d, oldest mail first.
func merged(row []Mail, d topics.MailDelivery) []Mail {
	row = recent(row, d.OccurredAt)
	i := slices.IndexFunc(row, func(m Mail) bool { return m.MailID == d.MailID })
	if i < 0 {
		return append(row, Mail{MailDelivery: d, QueuedAt: d.OccurredAt})
	}
	if done(row[i].State) && d.State != "sent" {
		return row
	}
	row[i].MailDelivery = d
	return row
}

// recent drops what is too old.
func recent(row []Mail, now time.Time) []Mail {
	return slices.DeleteFunc(row, func(m Mail) bool { return now.Sub(m.OccurredAt) > mailsKept })
}

func done(state string) bool {
	switch state {
	case "sent", "failed", "expired", "superseded", "cancelled":
		return true
	}
	return false
}
