package processors

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

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
//   - who suppresses an address, or takes it off the list, writes it in its transaction. The list is read through a view: a
//     mail that comes at the same moment is refused by the relay once more. It knows an address by its hash alone, so that
//     an erased one stays on it;
//   - who the relay says is nobody is suppressed whatever became of the mail meanwhile, once an attempt: a result that is
//     read again changes nothing in the row, and puts nobody back whom an operator took off the list;
//   - a record that does not say that the right service wrote it, or whose key is another's, is a dead letter: it mails nobody;
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

// decidable are the states that the outbox decides on: that a mail is sent, only a relay can say.
var decidable = []mail.State{mail.Queued, mail.Retrying, mail.Uncertain, mail.Failed, mail.Expired, mail.Superseded, mail.Cancelled}

// Suppressions is the list of suppressed addresses.
type Suppressions interface {
	// Of returns what is known of a normalised address, and whether it is on the list.
	Of(email string) (topics.MailSuppression, bool, error)
}

// MailerConfig of the notification service's processor.
type MailerConfig struct {
	// Partitions is how many partitions every topic has.
	Partitions int32
	// Suppressions are asked before a mail is queued.
	Suppressions Suppressions
	// Registry takes the metrics. Defaults to none.
	Registry prometheus.Registerer
	Log      logrus.FieldLogger
}

type mailer struct {
	MailerConfig
	decided, skipped *prometheus.CounterVec
}

// outboxLinger lets what comes for the outbox gather: nobody waits for one result, and each way to Kafka costs as much as several.
const outboxLinger = 20 * time.Millisecond

// Mailer returns the graph of the notification service, and how it is processed. Its follower is to be added.
func Mailer(cfg MailerConfig) (as stream.ProcessorConfig, err error) {
	if cfg.Suppressions == nil {
		return as, errors.New("the mailer needs the list of suppressed addresses")
	}
	m := mailer{cfg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "countersign_mail_decisions_total", Help: "What the outbox decided about mails, by kind and state.",
	}, []string{"kind", "state"}), prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "countersign_mail_skipped_total", Help: "Records that asked for a mail, or for something to be done with one, and changed nothing, by topic and reason.",
	}, []string{"topic", "reason"})}
	for _, kind := range mail.Kinds() {
		for _, state := range decidable {
			m.decided.WithLabelValues(string(kind), string(state)) // from 0 on, or the first one were no increase
		}
	}
	if err := register(cfg.Registry, m.decided, m.skipped); err != nil {
		return as, err
	}
	letters := newDeadLetters(topics.NotificationService, cfg.Log)
	edges := []goka.Edge{
		stream.Input(topics.MailDeliveries, topics.Codec[topics.MailDelivery]{}, handle(letters, m.result)),
		stream.Input(topics.MailCommands, topics.Codec[topics.MailCommand]{}, handle(letters, m.command)),
		stream.Input(goka.Stream(topics.UserAccountDeleted), topics.Codec[topics.Event]{}, handle(letters, m.deleted)),
		stream.Visitor(sweep, m.sweep),
		goka.Persist(topics.Codec[mail.Outbox]{}),
		goka.Output(topics.MailDeliveries, topics.Codec[topics.MailDelivery]{}), // that of the input: goka has one a topic
		goka.Output(topics.MailSuppressions, topics.Bytes{}),
		goka.Output(topics.DeadLetters, topics.Bytes{}),
	}
	for topic := range mailOf {
		edges = append(edges, stream.Input(topic, topics.Codec[topics.Event]{}, handle(letters, m.event)))
	}
	as = stream.ProcessorConfig{
		Graph: goka.DefineGroup(topics.NotificationService, edges...), Skip: decision,
		CatchUp: []string{topics.MailDeliveries}, Linger: outboxLinger,
	}
	return as, letters.count(as.Graph, cfg.Registry)
}

// decision says of a record that the outbox decided it, without reading more of it than its id: it is on its way to others.
func decision(topic string, headers stream.Headers) bool {
	return topic == topics.MailDeliveries && bytes.HasSuffix(headers.Get("ce_id"), []byte("/"+mail.ByOutbox))
}

// event queues the mail that an event asks for.
func (m mailer) event(at place, row mail.Outbox, e topics.Event) (change, error) {
	if e.NoMail {
		m.skip(at, "not_wanted")
		return change{}, nil
	}
	return m.change(at, row, e.Email, func(*change) (mail.Outbox, []mail.Delivery, error) {
		asked, err := mailFrom(e, mailOf[at.Topic()])
		if err != nil {
			return row, nil, err
		}
		next, told := row.Queue(asked, m.suppressed(e.Email), at.Timestamp())
		return next, told, nil
	})
}

// deleted clears the outbox of an account that was erased.
func (m mailer) deleted(at place, row mail.Outbox, e topics.Event) (change, error) {
	return m.change(at, row, e.Email, func(*change) (mail.Outbox, []mail.Delivery, error) {
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
		return change{}, fmt.Errorf("%w: by must be sender", errResult)
	}
	return m.change(at, row, d.Email, func(made *change) (mail.Outbox, []mail.Delivery, error) {
		if !within(maxText, d.Stage, d.Reply, d.MessageID) {
			return row, nil, errResult
		}
		result := deliveryFrom(d)
		next, told := row.Settle(result, at.Timestamp())
		if result.Suppresses() && !next.Same(row) {
			return next, told, made.suppress(at, d)
		}
		return next, told, nil
	})
}

// command does what an operator asks for.
func (m mailer) command(at place, row mail.Outbox, c topics.MailCommand) (change, error) {
	return m.change(at, row, c.Email, func(made *change) (next mail.Outbox, told []mail.Delivery, err error) {
		if c.ID == "" || c.MailID == "" && c.Type != topics.UnsuppressMail || !within(maxID, c.ID, c.MailID) {
			return row, nil, fmt.Errorf("%w: command_id or mail_id", errCommand)
		}
		next = row
		switch c.Type {
		case topics.RetryMail: // Whoever asks has had the address taken off the list, which may not be heard of here yet.
			next, told = row.Retry(c.MailID, at.Timestamp())
		case topics.CancelMail:
			next, told = row.Cancel(c.MailID, at.Timestamp())
		case topics.UnsuppressMail:
			made.unsuppress(c)
		default:
			return row, nil, fmt.Errorf("%w: type must be retry, cancel or unsuppress", errCommand)
		}
		return next, told, nil
	})
}

// suppressed says whether an address is on the list, as far as it is known here. A list that cannot be read suppresses
// nobody: a mail too many is refused once more.
func (m mailer) suppressed(email string) bool {
	_, listed, err := m.Suppressions.Of(email)
	return listed && err == nil
}

// suppress puts an address on the list.
func (c *change) suppress(at place, d topics.MailDelivery) error {
	value, err := topics.Encode(topics.MailSuppression{At: at.Timestamp(), Reply: d.Reply})
	c.listed(d.Email, value, topics.Headers(d.MailID, topics.MailSuppressions, topics.SourceNotification, at.Timestamp(), nil))
	return err
}

// unsuppress takes an address off the list.
func (c *change) unsuppress(of topics.MailCommand) {
	c.listed(of.Email, nil, topics.Headers(of.ID, topics.MailSuppressions, topics.SourceNotification, of.RequestedAt, nil))
}

func (c *change) listed(email string, value []byte, headers goka.Headers) {
	c.told = append(c.told, record{topics.MailSuppressions, topics.SuppressionKey(email), value, headers})
}

// change is what a rule of the outbox makes of the row of an address. The rule may add records of its own.
func (m mailer) change(at place, row mail.Outbox, email string, rule func(*change) (mail.Outbox, []mail.Delivery, error)) (made change, err error) {
	if err := errors.Join(checkPlace(at, email, m.Partitions), topics.CheckOrigin(string(at.Topic()), at.Headers())); err != nil {
		return made, err
	}
	next, told, err := rule(&made)
	if err != nil {
		return change{}, err
	}
	if next.Same(row) {
		if len(made.told) == 0 {
			m.skip(at, "nothing_to_do") // a repeat, or a result nobody waits for
		}
		return made, nil
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

// skip counts a record that changes nothing.
func (m mailer) skip(at place, reason string) {
	m.skipped.WithLabelValues(string(at.Topic()), reason).Inc()
}

// worthKnowing are the decisions of which somebody may have to know.
var worthKnowing = map[mail.State]string{mail.Expired: "mail not sent", mail.Uncertain: "mail may have been sent"}

// note counts a decision, and logs one that is worth knowing.
func (m mailer) note(d mail.Delivery) {
	m.decided.WithLabelValues(string(d.Kind), string(d.State)).Inc()
	if words := worthKnowing[d.State]; words != "" {
		m.Log.WithFields(logrus.Fields{"mail_id": d.MailID, "kind": d.Kind, "state": d.State, "attempt": d.Attempt}).Warn(words)
	}
}

// Lengths in bytes that no event or result of ours goes beyond.
const (
	maxID   = 64
	maxText = 1 << 10
)

// Why a record asks for no mail, or settles none.
var (
	errEvent   = errors.New("event lacks a field that its mail needs, or has one that is too long")
	errResult  = errors.New("result has a field that is wrong or too long")
	errCommand = errors.New("command lacks something, or asks for what cannot be done")
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
