package topics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rules:
//   - a record that others go by says in its CloudEvents headers that the service wrote it whose topic it is, and in a
//     version that is known here: what another wrote, or in a later version, is none of the topic's;
//   - ce_type is the topic's name, and of a command the topic's name, a dot and what it asks for.

// origins says who writes a topic and of which types. Of user_commands nobody asks: a command counts by what it holds.
var origins = map[string]struct {
	source string
	types  []string
}{
	UserAccountCreated:       {SourceUsers, []string{UserAccountCreated}},
	UserAccountVerified:      {SourceUsers, []string{UserAccountVerified}},
	UserCodeRequested:        {SourceUsers, []string{UserCodeRequested}},
	UserRegistrationRepeated: {SourceUsers, []string{UserRegistrationRepeated}},
	UserAccountDeleted:       {SourceUsers, []string{UserAccountDeleted}},
	MailDeliveries:           {SourceNotification, []string{MailDeliveries}},
	MailSuppressions:         {SourceNotification, []string{MailSuppressions}},
	MailCommands:             {SourceAPI, []string{MailCommands + "." + RetryMail, MailCommands + "." + CancelMail, MailCommands + "." + UnsuppressMail}},
}

// ErrOrigin means that a record does not say that it is one of its topic, and of the service that writes it.
var ErrOrigin = errors.New("record is not by its headers what its topic holds")

// CheckOrigin makes sure that a record is by its headers what the topic holds: an event topic, mail_deliveries,
// mail_suppressions or mail_commands. Its error wraps ErrOrigin, names the header, and holds no part of it.
func CheckOrigin(topic string, headers map[string][]byte) error {
	from := origins[topic]
	switch {
	case string(headers["ce_specversion"]) != "1.0":
		return fmt.Errorf("%w: ce_specversion must be 1.0", ErrOrigin)
	case string(headers["ce_source"]) != from.source:
		return fmt.Errorf("%w: ce_source must be %s", ErrOrigin, from.source)
	case !slices.Contains(from.types, string(headers["ce_type"])):
		return fmt.Errorf("%w: ce_type must be %s", ErrOrigin, strings.Join(from.types, " or "))
	}
	return nil
}
