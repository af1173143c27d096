package processors

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"

	"countersign/mail"
	"countersign/stream"
	"countersign/topics"
)

// Rules:
//   - a sender sees the rows that are committed, and of a partition that is assigned all of them;
//   - what mail_deliveries holds of a change has the change's own id: the same change again has the same.

// Outbox shows a sender the committed rows of the notification service's table.
type Outbox struct {
	Sender *mail.Sender
	Log    logrus.FieldLogger
}

// Assigned gives the sender a partition's rows.
func (o Outbox) Assigned(partition int32, rows iter.Seq2[string, []byte]) {
	o.Sender.Assign(partition, func(yield func(string, mail.Outbox) bool) {
		for address, row := range rows {
			if box, ok := o.read(address, row); ok && !yield(address, box) {
				return
			}
		}
	})
}

// Committed gives the sender a row that changed.
func (o Outbox) Committed(partition int32, address string, row []byte) {
	if box, ok := o.read(address, row); ok {
		o.Sender.Update(partition, address, box)
	}
}

// Revoked takes a partition from the sender and returns when nothing of it is under way.
func (o Outbox) Revoked(partition int32) { o.Sender.Revoke(partition) }

// waiting is what a sender needs of a row.
type waiting struct {
	Mails []mail.Mail `json:"mails"`
}

func (o Outbox) read(address string, row []byte) (mail.Outbox, bool) {
	if !bytes.Contains(row, []byte(`"mails"`)) { // most rows have none: they remember what is done
		return mail.Outbox{}, true
	}
	value, _ := topics.Codec[waiting]{}.Decode(row)
	m := value.(*topics.Message[waiting])
	if m.Err != nil {
		o.Log.WithError(m.Err).WithField("topic", topics.OutboxTable).Error("row of the outbox cannot be read")
	}
	return mail.Outbox{Mails: m.Value.Mails}, m.Err == nil
}

// Report returns what writes a sender's results to mail_deliveries.
func Report(emitter *stream.Emitter) func(context.Context, []mail.Delivery) []error {
	return func(ctx context.Context, all []mail.Delivery) []error {
		records := make([]stream.Record, len(all))
		for i, d := range all {
			result, headers := recordOf(d, nil)
			value, err := topics.Encode(result)
			if err != nil { // no result of ours is one that JSON could not write
				return slices.Repeat([]error{err}, len(all))
			}
			records[i] = stream.Record{Topic: topics.MailDeliveries, Key: d.Email, Value: value, Headers: headers}
		}
		return emitter.EmitAll(ctx, records...)
	}
}

// recordOf returns what mail_deliveries holds of a change, and its headers: the
// same change again has the same id.
func recordOf(d mail.Delivery, traceParent []byte) (topics.MailDelivery, map[string][]byte) {
	id := strings.Join([]string{d.MailID, string(d.State), strconv.Itoa(d.Retries), strconv.Itoa(d.Attempt), string(d.By)}, "/")
	return topics.MailDelivery{
		MailID: d.MailID, Email: d.Email, Kind: string(d.Kind), State: string(d.State), UserID: d.UserID,
		VerificationID: d.VerificationID, Retries: d.Retries, Attempt: d.Attempt, OccurredAt: d.OccurredAt, NotBefore: d.NotBefore, Deadline: d.Deadline,
		Stage: string(d.Stage), Reply: d.Reply, By: string(d.By), MessageID: d.MessageID,
	}, topics.Headers(id, topics.MailDeliveries, topics.SourceNotification, d.OccurredAt, traceParent)
}

func deliveryFrom(r topics.MailDelivery) mail.Delivery {
	return mail.Delivery{
		MailID: r.MailID, Email: r.Email, Kind: mail.Kind(r.Kind), State: mail.State(r.State), UserID: r.UserID,
		VerificationID: r.VerificationID, Retries: r.Retries, Attempt: r.Attempt, OccurredAt: r.OccurredAt, NotBefore: r.NotBefore, Deadline: r.Deadline,
		Stage: mail.Stage(r.Stage), Reply: r.Reply, By: mail.Teller(r.By), MessageID: r.MessageID,
	}
}
