package mail_test

import (
	"testing"

	"countersign/mail"
)

func TestCancel_OfWhatWaits_CallsItOff_OfAnythingElseNothing(t *testing.T) {
	o, _ := mail.Outbox{}.Queue(code("a", 1), false, noon)
	o, _ = o.Settle(result("a", 1, mail.Retrying), noon)
	o, deliveries := o.Cancel("a", noon)
	if summary(o) != "a:done " || told(deliveries) != "a:cancelled/1 " {
		t.Errorf("row %q, told %q", summary(o), told(deliveries))
	}
	for _, id := range []string{"a", "never heard of"} {
		if next, deliveries := o.Cancel(id, noon); summary(next) != summary(o) || len(deliveries) > 0 {
			t.Errorf("%s: row %q, told %q", id, summary(next), told(deliveries))
		}
	}
}
