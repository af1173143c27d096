package views

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"countersign/stream"
	"countersign/topics"
)

// Rules:
//   - only what the notification service wrote counts;
//   - what mail_deliveries tells of a mail merges by its id into one entry, and an address's entries into one row;
//   - what the outbox decides counts as it comes; a sender's result only if its attempt is later than what is known, its mail
//     is not done, and was not asked for again since: one that comes again or late hides nothing. One that a relay took was
//     sent, whatever was decided meanwhile;
//   - what is older than seven days, the topic's own retention, is dropped;
//   - two rows beside an address's lead to each of its mails: by its id, and by when it was queued, the newest first.

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
	view, err := cluster.NewView(stream.ViewConfig{Topic: topics.MailDeliveries, Codec: topics.Codec[[]Mail]{}, Update: genuine(mergeMail)})
	if err != nil {
		return nil, fmt.Errorf("view of %s: %w", topics.MailDeliveries, err)
	}
	return &Mails{view}, nil
}

// Run follows the topic until ctx ends.
func (m *Mails) Run(ctx context.Context) error { return m.view.Run(ctx) }

// Health says whether the view has read its topic, and how far it is behind.
func (m *Mails) Health() stream.Health { return m.view.Health() }

// Get returns a mail by its id, and whether there is one.
func (m *Mails) Get(id string) (Mail, bool, error) {
	lead, found, err := m.lead(id)
	if err != nil || !found {
		return Mail{}, false, err
	}
	return m.led(lead)
}

// List iterates over all mails, the newest first by when they were queued: those behind the one with the id after, if that
// is not empty. A mail that is unknown is behind none. An error ends it.
func (m *Mails) List(after string) iter.Seq2[Mail, error] {
	return func(yield func(Mail, error) bool) {
		from := byAge("", time.Now().Add(time.Hour)) // a clock may be fast
		if after != "" {
			lead, found, err := m.lead(after)
			if err != nil {
				yield(Mail{}, err)
			}
			if !found {
				return
			}
			from = byAge(after, lead.QueuedAt) + "\x00"
		}
		for row, err := range m.view.Rows(from, byAge(beyond, time.Now().Add(-mailsKept))) {
			if err != nil {
				yield(Mail{}, fmt.Errorf("read %s: %w", topics.MailDeliveries, err))
				return
			}
			lead, err := leadOf(row)
			found := false
			if err == nil {
				lead, found, err = m.led(lead)
			}
			if err == nil && !found {
				continue
			}
			if !yield(lead, err) || err != nil {
				return
			}
		}
	}
}

// lead returns what leads to a mail, by its id. It stands in the partition of the mail's address, whichever that is.
func (m *Mails) lead(id string) (Mail, bool, error) {
	for row, err := range m.view.Rows(byID(id), byID(id)+beyond) {
		if err != nil {
			return Mail{}, false, fmt.Errorf("read %s: %w", topics.MailDeliveries, err)
		}
		lead, err := leadOf(row)
		return lead, err == nil, err
	}
	return Mail{}, false, nil
}

func leadOf(row stream.Row) (Mail, error) {
	lead := row.Value.(*topics.Message[[]Mail])
	if lead.Err != nil || len(lead.Value) != 1 {
		return Mail{}, fmt.Errorf("index of %s cannot be read: %w", topics.MailDeliveries, cmp.Or(lead.Err, errors.New("it is no list of one")))
	}
	return lead.Value[0], nil
}

// led returns the mail that a row of the index leads to.
func (m *Mails) led(lead Mail) (Mail, bool, error) {
	mails, err := m.Of(lead.Email)
	if err != nil {
		return Mail{}, false, err
	}
	i := place(mails, lead.MailID)
	if i < 0 {
		return Mail{}, false, nil
	}
	return mails[i], true, nil
}

// byID and byAge are the keys of the index: no address begins like them.
func byID(id string) string { return "\x00id/" + id + "\x00" }

func byAge(id string, queued time.Time) string {
	return fmt.Sprintf("\x00age/%016x/%s", math.MaxInt64-queued.UnixNano(), id)
}

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
	next := merged(slices.Clone(row), d.Value)
	if err := index(s, key, row, next); err != nil {
		return err
	}
	encoded, err := json.Marshal(next)
	if err != nil {
		return err
	}
	return s.Set(key, encoded)
}

// index leads to the mails that are new in an address's row, and to those no more that are not in it any more.
func index(s storage.Storage, email string, row, next []Mail) error {
	for _, m := range row {
		if place(next, m.MailID) < 0 {
			if err := errors.Join(s.Delete(byID(m.MailID)), s.Delete(byAge(m.MailID, m.QueuedAt))); err != nil {
				return err
			}
		}
	}
	for _, m := range next {
		if place(row, m.MailID) < 0 {
			lead, err := json.Marshal([]Mail{{MailDelivery: topics.MailDelivery{MailID: m.MailID, Email: email}, QueuedAt: m.QueuedAt}})
			if err = errors.Join(err, s.Set(byID(m.MailID), lead), s.Set(byAge(m.MailID, m.QueuedAt), lead)); err != nil {
				return err
			}
		}
	}
	return nil
}

// place is where a mail stands in a row, -1 if it does not.
func place(row []Mail, id string) int {
	return slices.IndexFunc(row, func(m Mail) bool { return m.MailID == id })
}

// merged returns the row with the change d, oldest mail first.
func merged(row []Mail, d topics.MailDelivery) []Mail {
	row = recent(row, d.OccurredAt)
	i := place(row, d.MailID)
	if i < 0 {
		return append(row, Mail{MailDelivery: d, QueuedAt: d.OccurredAt})
	}
	news := d.State == "sent" || d.By == "outbox" || d.Retries == row[i].Retries && d.Attempt > row[i].Attempt && !done(row[i].State)
	if row[i].State == "sent" || !news {
		return row
	}
	d.MessageID = cmp.Or(d.MessageID, row[i].MessageID) // the outbox does not know it, and it stays the same
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
