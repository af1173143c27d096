package mail_test

import (
	"testing"

	"countersign/mail"
)

func TestSuppresses_ARefusalOfTheAddress_AndNothingElse(t *testing.T) {
	for reply, want := range map[string]bool{
		"550 No such user here":                true,
		"550-No such user here":                true,
		"551 User not local":                   true,
		"553 5.1.3 Bad syntax":                 true,
		"550 5.1.1 The account does not exist": true,
		"556 5.1.10 Recipient has null MX":     true,
		"550 5.0.0 Not accepted":               true,
		"550 5.2.1 The account is disabled":    true,
		"554":                                  true,
		"550 5.1.0 Address rejected":           true,
		"550 relay not permitted":              false,
		"550 Sender verify failed":             false,
		"550 5.1.0 <>: Sender address rejected: User unknown in local recipient table": false,
		"553 5.1.7 Bad address of the sender":                                          false,
		"550 5.1.8 Sender address rejected: Domain not found":                          false,
		"550 5.0.0 Access denied":                                                      false,
		"552 5.0.0 Mailbox full":                                                       false,
		"550 Access denied, blocked by the SPF":                                        false,
		"554 Authentication is required for relaying":                                  false,
		"550 5.1.1 Relay recipient unknown":                                            true,
		"552 Mailbox full":                                                             false,
		"530 Authentication required":                                                  false,
		"501 Syntax error in parameters":                                               false,
		"552 5.2.2 The mailbox is full":                                                false,
		"550 5.7.1 Our system detected unusual mails":                                  false,
		"554 5.4.6 Too many hops":                                                      false,
		"550 5.3.4 Too big":                                                            false,
		"450 4.1.1 Come again":                                                         false,
		"":                                                                             false,
	} {
		d := mail.Delivery{By: mail.BySender, State: mail.Failed, Stage: mail.StageRcpt, Reply: reply}
		if d.Suppresses() != want {
			t.Errorf("%q suppresses: %v", reply, !want)
		}
		for name, change := range map[string]func(*mail.Delivery){
			"at another stage":   func(d *mail.Delivery) { d.Stage = mail.StageContent },
			"in another state":   func(d *mail.Delivery) { d.State = mail.Retrying },
			"told by the outbox": func(d *mail.Delivery) { d.By = mail.ByOutbox },
		} {
			other := d
			if change(&other); other.Suppresses() {
				t.Errorf("%q suppresses %s", reply, name)
			}
		}
	}
}

func TestSuppressed_AMailHasFailedBeforeItIsTried_AndItsOlderOneIsSuperseded(t *testing.T) {
	o, _ := mail.Outbox{}.Queue(code("a", 1), false, noon)
	o, deliveries := o.Queue(code("b", 2), true, noon)
	if summary(o) != "a:done b:done " || told(deliveries) != "a:superseded/0 b:failed/0 " || deliveries[1].Stage != mail.StageSuppressed {
		t.Errorf("row %q, told %q at %s", summary(o), told(deliveries), deliveries[1].Stage)
	}
}
