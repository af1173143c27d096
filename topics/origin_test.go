package topics

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCheckOrigin_TakesWhatTheServicesWrite_AndNothingElse(t *testing.T) {
	for _, c := range []struct {
		topic, kind, source, version string
		wrong                        string // the header at fault, empty: none is
	}{
		{UserAccountCreated, UserAccountCreated, SourceUsers, "1.0", ""},
		{UserAccountDeleted, UserAccountDeleted, SourceUsers, "1.0", ""},
		{MailDeliveries, MailDeliveries, SourceNotification, "1.0", ""},
		{MailSuppressions, MailSuppressions, SourceNotification, "1.0", ""},
		{MailCommands, "mail_commands.retry", SourceAPI, "1.0", ""},
		{MailCommands, "mail_commands.unsuppress", SourceAPI, "1.0", ""},

		{UserAccountCreated, "user_account_created.v2", SourceUsers, "1.0", "ce_type"},
		{UserAccountCreated, "user_account_created.", SourceUsers, "1.0", "ce_type"},
		{UserAccountCreated, UserAccountVerified, SourceUsers, "1.0", "ce_type"},
		{UserAccountCreated, "", SourceUsers, "1.0", "ce_type"},
		{MailDeliveries, "mail_deliveries.v2", SourceNotification, "1.0", "ce_type"},
		{MailCommands, "mail_commands", SourceAPI, "1.0", "ce_type"},
		{MailCommands, "mail_commands.send", SourceAPI, "1.0", "ce_type"},
		{MailCommands, "mail_commands.retry.v2", SourceAPI, "1.0", "ce_type"},
		{UserAccountCreated, UserAccountCreated, SourceAPI, "1.0", "ce_source"},
		{UserAccountCreated, UserAccountCreated, "", "1.0", "ce_source"},
		{MailDeliveries, MailDeliveries, SourceUsers, "1.0", "ce_source"},
		{MailCommands, "mail_commands.retry", SourceNotification, "1.0", "ce_source"},
		{UserAccountCreated, UserAccountCreated, SourceUsers, "2.0", "ce_specversion"},
		{UserAccountCreated, UserAccountCreated, SourceUsers, "", "ce_specversion"},
		{OutboxTable, "", "", "1.0", "ce_type"}, // whose rows have no headers
	} {
		headers := Headers("id", c.kind, c.source, time.Now(), nil)
		headers["ce_specversion"] = []byte(c.version)
		err := CheckOrigin(c.topic, headers)
		if c.wrong == "" && err != nil || c.wrong != "" && (!errors.Is(err, ErrOrigin) || !strings.Contains(err.Error(), ": "+c.wrong+" must be")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestOrigins_AreKnownOfWhatTheNotifierReads(t *testing.T) {
	for _, topic := range slices.Concat(Events(), []string{MailDeliveries, MailCommands, MailSuppressions}) {
		if from := origins[topic]; from.source == "" || len(from.types) == 0 {
			t.Errorf("nobody writes %s", topic)
		}
	}
}
