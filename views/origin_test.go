package views_test

import (
	"maps"
	"testing"
	"time"

	"countersign/stream"
	"countersign/topics"
	"countersign/views"
)

// notified writes a record as the notification service does.
func notified(t *testing.T, to *stream.Emitter, topic, key string, value any) {
	t.Helper()
	emit(t, to, topic, key, value, topics.Headers("id", topic, topics.SourceNotification, time.Now(), nil))
}

// emit writes a record, a tombstone if the value is nil.
func emit(t *testing.T, to *stream.Emitter, topic, key string, value any, headers map[string][]byte) {
	t.Helper()
	var encoded []byte
	if value != nil {
		var err error
		if encoded, err = topics.Encode(value); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Emit(t.Context(), topic, key, encoded, headers); err != nil {
		t.Fatal(err)
	}
}

// others are the headers of who is not the notification service, or not one that is known here.
func others(topic string) []map[string][]byte {
	own := topics.Headers("id", topic, topics.SourceNotification, time.Now(), nil)
	all := []map[string][]byte{nil}
	for name, value := range map[string]string{"ce_source": "/somebody/else", "ce_type": topic + ".v2", "ce_specversion": "2.0"} {
		h := maps.Clone(own)
		h[name] = []byte(value)
		all = append(all, h)
	}
	return all
}

func TestMails_OfAnotherProducer_ArePassedOver(t *testing.T) {
	cluster, emitter := kafka(t, topics.MailDeliveries, 3)
	told := topics.MailDelivery{MailID: "m", Email: email, State: "queued", OccurredAt: time.Now(), By: "outbox"}
	notified(t, emitter, topics.MailDeliveries, email, told)
	for _, headers := range others(topics.MailDeliveries) {
		forged := told
		forged.State = "sent"
		emit(t, emitter, topics.MailDeliveries, email, forged, headers)
		forged.MailID = "forged"
		emit(t, emitter, topics.MailDeliveries, email, forged, headers)
	}
	v, err := views.NewMails(cluster)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, v.Run, func() bool { return v.Health().Ready })
	if mails, err := v.Of(email); err != nil || len(mails) != 1 || mails[0].MailID != "m" || mails[0].State != "queued" {
		t.Errorf("shown are %+v, %v", mails, err)
	}
	if m, found, err := v.Get("forged"); err != nil || found {
		t.Errorf("found is %+v, %v", m, err)
	}
}

func TestSuppressions_OfAnotherProducer_ArePassedOver(t *testing.T) {
	cluster, emitter := kafka(t, topics.MailSuppressions, 1)
	list := topics.SuppressionKey
	listed := topics.MailSuppression{At: time.Now().UTC(), Reply: "550 nobody"}
	for _, email := range []string{"listed@example.com", "taken-off@example.com"} {
		notified(t, emitter, topics.MailSuppressions, list(email), listed)
	}
	notified(t, emitter, topics.MailSuppressions, list("taken-off@example.com"), nil)
	for _, headers := range others(topics.MailSuppressions) {
		emit(t, emitter, topics.MailSuppressions, list("listed@example.com"), nil, headers)
		emit(t, emitter, topics.MailSuppressions, list("taken-off@example.com"), listed, headers)
		emit(t, emitter, topics.MailSuppressions, list("never@example.com"), listed, headers)
	}
	v, err := views.NewSuppressions(cluster)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, v.Run, func() bool { return v.Health().Ready })
	for email, want := range map[string]bool{"listed@example.com": true, "taken-off@example.com": false, "never@example.com": false} {
		if s, is, err := v.Of(email); err != nil || is != want || is && s != listed {
			t.Errorf("%s is on the list: %v, %+v, %v", email, is, s, err)
		}
	}
}
