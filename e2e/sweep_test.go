package e2e

// What has been kept long enough goes by itself: the tests leave rows as days ago would have.

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
	"countersign/user"
)

func TestSweep_AnAccountThatNobodyProvedIsRemoved_AndAnErasedRowGoes(t *testing.T) {
	s := usersOnly(t)
	for _, p := range s.users {
		p.stop(t, syscall.SIGTERM)
	}
	unproven, erased := newPerson(0), newPerson(0)
	s.leaves(t, unproven, 25*time.Hour, user.Register)
	s.leaves(t, erased, user.ErasedKept+time.Hour, user.Register, user.Erase)
	for _, p := range s.users {
		p.env["SWEEP_AFTER_SECONDS"] = "8"
		p.start(t).awaitReady(t)
	}
	if !eventually(t.Context(), answerWithin, func() bool {
		rows := of(erased.address, s.read(t, topics.UserTable))
		return rows[len(rows)-1].Value == nil
	}) {
		t.Error("the erased row is still there")
	}
	if !eventually(t.Context(), answerWithin, func() bool {
		status, _ := unproven.lookup(t.Context(), s.api(0))
		return status == http.StatusNotFound
	}) {
		t.Error("the account that nobody proved is still there")
	}
	events := of(unproven.address, s.read(t, topics.UserAccountDeleted))
	var e topics.Event
	if len(events) != 1 || json.Unmarshal(events[0].Value, &e) != nil || e.UserID == "" {
		t.Errorf("%d events say so: %+v", len(events), e)
	}
}

// leaves writes the row that the person's commands made so long ago.
func (s *system) leaves(t *testing.T, p *person, ago time.Duration, commands ...user.CommandType) {
	t.Helper()
	keys, err := user.ParseSecrets("s:" + base64.StdEncoding.EncodeToString(make([]byte, user.MinSecretSize)))
	check(t, err)
	var state user.State
	for _, kind := range commands {
		c := user.Command{ID: string(kind), Type: kind, Email: p.address, VerificationID: "v", FirstName: "Ada", Policy: user.DefaultPolicy()}
		c.SetCode(keys.First(), make([]byte, user.NonceSize))
		state, _, _ = user.Step(state, c, time.Now().Add(-ago))
	}
	row, err := json.Marshal(state)
	check(t, err)
	producer := s.connect(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer producer.Close()
	partitions := int32(len(s.partitions(t, topics.UserTable)))
	check(t, producer.ProduceSync(t.Context(), &kgo.Record{
		Topic: topics.UserTable, Partition: topics.Partition(p.address, partitions), Key: []byte(p.address), Value: row,
	}).FirstErr())
}
