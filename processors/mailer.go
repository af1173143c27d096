package processors

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"countersign/mail"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// Rules:
//   - an event becomes a mail in the outbox, the group table, before anything is sent; one that wants none does not;
//   - senders see rows only after the transaction that wrote them is committed (Outbox), and write what
//     came of an attempt to mail_deliveries (Report), which this group reads back and settles;
//   - an erased account's outbox is cleared, and what was asked before is not mailed any more;
//   - what the outbox decides it writes to mail_deliveries in its transaction, and passes over on the way back;
//     it is counted, and logged where a mail does not leave, when it is decided: a transaction that is not
//     committed is decided, and counted, again.

// mailOf says which mail an event asks for.
var mailOf = map[goka.Stream]mail.Kind{
	goka.Stream(topics.UserAccountCreated):       mail.VerifyAccount,
	goka.Stream(topics.UserCodeRequested):        mail.VerifyAccount,
	goka.Stream(topics.UserAccountVerified):      mail.AccountVerified,
	goka.Stream(topics.UserRegistrationRepeated): mail.AlreadyRegistered,
}

// MailerConfig of the notification service's processor.
type MailerConfig struct {
	// Partitions is how many partitions every topic has.
	Partitions int32
	// Registry takes the metrics. Defaults to none.
	Registry prometheus.Registerer
	Log      logrus.FieldLogger
}

type mailer struct {
	MailerConfig
	decided *prometheus.CounterVec
}

// Mailer returns the graph of the notification service.
func Mailer(cfg MailerConfig) (*goka.GroupGraph, error) {
	m := mailer{cfg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "countersign_mail_decisions_total", Help: "What the outbox decided about mails, by kind and state.",
	}, []string{"kind", "state"})}
	if cfg.Registry != nil {
		if err := cfg.Registry.Register(m.decided); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	edges := []goka.Edge{
		stream.Input(topics.MailDeliveries, topics.Codec[topics.MailDelivery]{}, handle(cfg.Log, m.result)),
		stream.Input(goka.Stream(topics.UserAccountDeleted), topics.Codec[topics.Event]{}, handle(cfg.Log, m.deleted)),
		stream.Visitor(sweep, m.sweep),
		goka.Persist(topics.Codec[mail.Outbox]{}),
		goka.Output(topics.MailDeliveries, topics.Codec[topics.MailDelivery]{}),
		goka.Output(topics.DeadLetters, topics.Bytes{}),
	}
	for topic := range mailOf {
		edges = append(edges, stream.Input(topic, topics.Codec[topics.Event]{}, handle(cfg.Log, m.event)))
	}
	return goka.DefineGroup(topics.NotificationService, edges...), nil
}

// event queues the mail that an event asks for.
func (m mailer) event(at place, row mail.Outbox, e topics.Event) (change, error) {
	if e.NoMail {
		return change{}, nil
	}
	return m.change(at, row, e.Email, func() (mail.Outbox, []mail.Delivery, error) {
		asked, err := mailFrom(e, mailOf[at.Topic()])
		if err != nil {
			return row, nil, err
		}
		next, told := row.Queue(asked, at.Timestamp())
		return next, told, nil
	})
}

// deleted clears the outbox of an account that was erased.
func (m mailer) deleted(at place, row mail.Outbox, e topics.Event) (change, error) {
	return m.change(at, row, e.Email, func() (mail.Outbox, []mail.Delivery, error) {
		if e.Sequence < 1 {
			return row, nil, fmt.Errorf("%w: sequence", errEvent)
		}
		next, told := row.Erase(e.Sequence, at.Timestamp())
		return next, told, nil
	})
}

// result settles what came of an attempt.
func (m mailer) result(at place, row mail.Outbox, d topics.MailDelivery) (change, error) {
	if d.By != string(mail.BySender) {
		return change{}, nil // our own decision, on its way to the readers
	}
	return m.change(at, row, d.Email, func() (mail.Outbox, []mail.Delivery, error) {
		if !within(maxText, d.Stage, d.Reply, d.MessageID) {
			return row, nil, errResult
		}
		next, told := row.Settle(deliveryFrom(d), at.Timestamp())
		return next, told, nil
	})
}

// change is what a rule of the outbox makes of the row of an address.
func (m mailer) change(at place, row mail.Outbox, email string, rule func() (mail.Outbox, []mail.Delivery, error)) (made change, err error) {
	if err := checkPlace(at, email, m.Partitions); err != nil {
		return made, err
	}
	next, told, err := rule()
	if err != nil || reflect.DeepEqual(next, row) {
		return made, err // a repeat, or a result nobody waits for
	}
	for _, d := range told {
		record, headers := recordOf(d, at.Headers()[topics.TraceParent])
		if err := made.tell(topics.MailDeliveries, record, headers); err != nil {
			return made, err
		}
	}
	if err := made.set(next); err != nil {
		return made, err
	}
	for _, d := range told {
		m.note(d)
	}
	return made, nil
}

// note counts a decision, and logs one by which a mail does not leave.
func (m mailer) note(d mail.Delivery) {
	m.decided.WithLabelValues(string(d.Kind), string(d.State)).Inc()
	switch d.State {
	case mail.Expired, mail.Uncertain:
		m.Log.WithFields(logrus.Fields{"mail_id": d.MailID, "kind": d.Kind, "state": d.State, "attempt": d.Attempt}).Warn("mail not sent")
	}
}

// Lengths in bytes that no event or result of ours goes beyond.
const (
	maxID   = 64
	maxText = 1 << 10
)

// Why a record asks for no mail, or settles none.
var (
	errEvent  = errors.New("event lacks a field that its mail needs, or has one that is too long")
	errResult = errors.New("result has a field that is too long")
)

// within says whether every text is at most as long as that.
func within(most int, texts ...string) bool {
	return !slices.ContainsFunc(texts, func(s string) bool { return len(s) > most })
}

// mailFrom makes the mail that an event asks for.
func mailFrom(e topics.Event, kind mail.Kind) (mail.Mail, error) {
	m := mail.Mail{
		ID: e.ID, Kind: kind, To: e.Email, FirstName: e.FirstName, LastName: e.LastName, Locale: e.Locale,
		UserID: e.UserID, Sequence: e.Sequence, OccurredAt: e.OccurredAt,
	}
	if e.ID == "" || e.UserID == "" || e.OccurredAt.IsZero() || !within(maxID, e.ID, e.UserID) {
		return m, fmt.Errorf("%w: event_id, user_id or occurred_at", errEvent)
	}
	if !within(maxText, e.FirstName, e.LastName, e.Locale) {
		return m, fmt.Errorf("%w: first_name, last_name or locale", errEvent)
	}
	v := e.Verification
	if v != nil {
		if !within(maxID, v.ID, v.SecretID) || len(v.Nonce) > user.NonceSize {
			return m, fmt.Errorf("%w: verification", errEvent)
		}
		m.VerificationID, m.SecretID, m.OpenedAt, m.CodeExpiresAt, m.LinkOnly = v.ID, v.SecretID, v.OpenedAt, v.ExpiresAt, v.LinkOnly
		m.Nonce = base64.StdEncoding.EncodeToString(v.Nonce)
	}
	if kind == mail.VerifyAccount && (v == nil || v.ID == "" || v.SecretID == "" || len(v.Nonce) != user.NonceSize || v.ExpiresAt.IsZero()) {
		return m, fmt.Errorf("%w: verification", errEvent)
	}
	return m, nil
}

// Letters returns what composes the secret part of a mail: the code, and the
// links that open pages at publicURL. A mail whose secret is not known here
// gets an error that wraps user.ErrUnknownSecret, never another code.
func Letters(secrets user.Secrets, publicURL string) func(mail.Mail) (mail.Letter, error) {
	return func(m mail.Mail) (mail.Letter, error) {
		if m.Nonce == "" {
			return mail.Letter{}, nil // no verification waits for an answer to it
		}
		secret, err := secrets.Find(m.SecretID)
		if err != nil {
			return mail.Letter{}, fmt.Errorf("COUNTERSIGN_SECRETS must hold what the api that took the registration has: %w", err)
		}
		nonce, err := base64.StdEncoding.DecodeString(m.Nonce)
		if err != nil {
			return mail.Letter{}, fmt.Errorf("nonce of mail %s: %w", m.ID, err)
		}
		var seal [user.HandleNonceSize]byte
		rand.Read(seal[:])
		handle := secret.Seal(user.Handle{VerificationID: m.VerificationID, Email: m.To, OpenedAt: m.OpenedAt}, seal[:])
		letter := mail.Letter{
			Dispute:   publicURL + "/dispute#" + handle + "." + secret.DisputeToken(m.To, m.VerificationID, nonce),
			Reference: user.Reference(m.VerificationID),
		}
		if m.Kind == mail.VerifyAccount {
			letter.Link = publicURL + "/#" + handle + "." + secret.LinkToken(m.To, m.VerificationID, nonce)
			if !m.LinkOnly {
				letter.Code = secret.Code(m.To, m.VerificationID, nonce)
			}
		}
		return letter, nil
	}
}

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

func (o Outbox) read(address string, row []byte) (mail.Outbox, bool) {
	if row == nil {
		return mail.Outbox{}, true
	}
	value, _ := topics.Codec[mail.Outbox]{}.Decode(row)
	m := value.(*topics.Message[mail.Outbox])
	if m.Err != nil {
		o.Log.WithError(m.Err).WithField("topic", topics.OutboxTable).Error("row of the outbox cannot be read")
	}
	return m.Value, m.Err == nil
}

// Emitter hands a record to Kafka and returns when it is acknowledged.
type Emitter interface {
	Emit(ctx context.Context, topic, key string, value []byte, headers map[string][]byte) error
}

// Report returns what writes a sender's result to mail_deliveries.
func Report(emitter Emitter) func(context.Context, mail.Delivery) error {
	return func(ctx context.Context, d mail.Delivery) error {
		record, headers := recordOf(d, nil)
		value, err := topics.Codec[topics.MailDelivery]{}.Encode(record)
		if err != nil {
			return err
		}
		return emitter.Emit(ctx, topics.MailDeliveries, d.Email, value, headers)
	}
}

// recordOf returns what mail_deliveries holds of a change, and its headers: the
// same change again has the same id.
func recordOf(d mail.Delivery, traceParent []byte) (topics.MailDelivery, map[string][]byte) {
	id := fmt.Sprintf("%s/%s/%d/%s", d.MailID, d.State, d.Attempt, d.By)
	return topics.MailDelivery{
		MailID: d.MailID, Email: d.Email, Kind: string(d.Kind), State: string(d.State), UserID: d.UserID,
		VerificationID: d.VerificationID, Attempt: d.Attempt, OccurredAt: d.OccurredAt, NotBefore: d.NotBefore, Deadline: d.Deadline,
		Stage: string(d.Stage), Reply: d.Reply, By: string(d.By), MessageID: d.MessageID,
	}, topics.Headers(id, topics.MailDeliveries, topics.SourceNotification, d.OccurredAt, traceParent)
}

func deliveryFrom(r topics.MailDelivery) mail.Delivery {
	return mail.Delivery{
		MailID: r.MailID, Email: r.Email, Kind: mail.Kind(r.Kind), State: mail.State(r.State), UserID: r.UserID,
		VerificationID: r.VerificationID, Attempt: r.Attempt, OccurredAt: r.OccurredAt, NotBefore: r.NotBefore, Deadline: r.Deadline,
		Stage: mail.Stage(r.Stage), Reply: r.Reply, By: mail.Teller(r.By), MessageID: r.MessageID,
	}
}
