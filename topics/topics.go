// Package topics is the wire contract of Countersign: the topics, what their
// records hold and how they are keyed. It is what an outside consumer or
// producer would read. It knows nothing of how records are processed.
//
// Every record is JSON in snake_case with RFC 3339 times in UTC, keyed by the
// normalised address (but for instances, which knows of none, and mail_suppressions, which has its hash), on the
// partition that Java's murmur2 gives the key.
// Events carry CloudEvents headers in binary mode (CloudEvents Kafka Protocol
// Binding 1.0.2 §3.2). Consumers read with isolation.level=read_committed.
//
// The topics have no order between them: a consumer of several
// ignores an event whose sequence is not above the last it applied for that
// user_id.
package topics

import (
	"strconv"
	"time"

	"countersign/topology"
	"countersign/user"
)

// The topics.
const (
	UserCommands   = "user_commands"
	MailDeliveries = "mail_deliveries"
	MailCommands   = "mail_commands"
	// MailSuppressions holds the addresses that are not mailed any more, each by its hash (SuppressionKey).
	MailSuppressions = "mail_suppressions"
	DeadLetters      = "dead_letters"
	Instances        = "instances"

	UserAccountCreated       = string(user.AccountCreated)
	UserAccountVerified      = string(user.AccountVerified)
	UserCodeRequested        = string(user.CodeRequested)
	UserRegistrationRepeated = string(user.RegistrationRepeated)
	UserAccountDeleted       = string(user.AccountDeleted)
)

// The consumer groups; goka keeps a group's state in the topic <group>-table.
const (
	UserService         = "user-service"
	NotificationService = "notification-service"

	UserTable   = UserService + "-table"
	OutboxTable = NotificationService + "-table"
)

// Events lists the topics that carry an Event.
func Events() []string {
	return []string{UserAccountCreated, UserAccountVerified, UserCodeRequested, UserRegistrationRepeated, UserAccountDeleted}
}

// Event is what every topic of Events carries.
type Event = user.Event

// Instance is what a process tells of itself on instances, every 2 s; a tombstone when it stops. Its key is its own.
type Instance = topology.Instance

// Topic is how a topic must be set up.
type Topic struct {
	Name    string
	Compact bool          // a table: the last record of each key stays
	Keep    time.Duration // of a topic that is no table
	Input   bool          // its broker's clock is what the processors go by
	Single  bool          // one partition is enough, whatever the others have
}

const day = 24 * time.Hour

// All lists every topic.
func All() []Topic {
	return []Topic{
		{Name: UserCommands, Keep: 7 * day, Input: true},
		{Name: UserTable, Compact: true},
		{Name: UserAccountCreated, Keep: 7 * day, Input: true},
		{Name: UserAccountVerified, Keep: 30 * day, Input: true},
		{Name: UserCodeRequested, Keep: 7 * day, Input: true},
		{Name: UserRegistrationRepeated, Keep: 7 * day, Input: true},
		{Name: UserAccountDeleted, Keep: 7 * day, Input: true},
		{Name: MailDeliveries, Keep: 7 * day, Input: true},
		{Name: MailCommands, Keep: 7 * day, Input: true},
		{Name: OutboxTable, Compact: true},
		{Name: MailSuppressions, Compact: true, Single: true},
		{Name: DeadLetters, Keep: DeadLettersKept},
		{Name: Instances, Compact: true, Single: true},
	}
}

// Partitions returns how many the topic has where the others have n.
func (t Topic) Partitions(n int32) int32 {
	if t.Single {
		return 1
	}
	return n
}

// Config returns the topic's settings. Nearly every topic holds addresses, so a
// segment is closed daily and what is erased is gone soon after. Of the
// embedded broker no timestamp type is asked: it ignores the setting.
func (t Topic) Config(embedded bool) map[string]string {
	c := map[string]string{"segment.ms": ms(day)}
	if t.Compact {
		c["cleanup.policy"] = "compact"
		c["max.compaction.lag.ms"] = ms(day)
		c["delete.retention.ms"] = ms(7 * day)
	} else {
		c["cleanup.policy"] = "delete"
		c["retention.ms"] = ms(t.Keep)
	}
	if t.Input && !embedded {
		c["message.timestamp.type"] = "LogAppendTime"
	}
	return c
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
