// Package mail says what a mail holds, when it may leave, and how it leaves.
//
// It has three parts, each of which can be read alone:
//
//   - the outbox (mail.go, delivery.go, outbox.go, retry.go, cancel.go, suppression.go): pure rules over one row an
//     address. Something happened (an event, a result, an operator's command) → the next row and what is to be told about it.
//   - the letter (template.go, proof.go, style.go, wrap.go, brand.go, preview.go, composer.go, stencil.go, body.go, quoted.go,
//     templates/): a mail and its secrets → one complete message.
//   - the sender: takes mails from committed rows (sender.go; agenda.go, pace.go and breaker.go say which is next and when),
//     hands each to an SMTP relay (attempt.go, recall.go, courier.go, relay.go, hello.go, wire.go, conversation.go, reply.go) and
//     tells what came of it (report.go), and how it is (health.go, metrics.go).
//
// A mail's states. What stands on the right is final, and so is uncertain where it came twice, or
// the mail's time ran out or the relay refused it after it:
//
//	event ─► queued ─────────┬─ 2yz ──────────────────────────► sent
//	           │             ├─ 5yz ──────────────────────────► failed
//	           │   ┌─────────┴─┬─ 4yz ──────► retrying ──┐
//	           │   │  attempt  │                         │
//	           │   └───────────┴─ no reply ─► uncertain ─┤
//	           │         ▲                               │
//	           │         └────────── in its time ────────┤
//	           └─────────────────────────────────────────┼────► expired     its time ran out
//	                                                     ├────► superseded  a later mail of its verification came
//	                                                     └────► cancelled   asked for
//
// An operator may have a mail queued again that failed, stayed uncertain or was cancelled, while it is in its time and
// no later one of its verification came. One to a suppressed address has failed before it is tried.
//
// "Sending" is no state: whoever owns the row sends what is not final, so a mail that was under way when its
// owner died is sent by the next one, with the same Message-ID.
//
// The package knows nothing of Kafka, of accounts, or of how a code is made: rows come in through
// Sender.Assign and Sender.Update, results leave through SenderConfig.Report, and codes come from SenderConfig.Letters.
package mail
