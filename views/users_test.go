package views_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"countersign/stream"
	"countersign/topics"
	"countersign/user"
	"countersign/views"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// brokers are those of the embedded Kafka, or of the one in KAFKA_BROKER_LIST, without a users table.
func brokers(t *testing.T) []string {
	t.Helper()
	list := os.Getenv("KAFKA_BROKER_LIST")
	if list == "" {
		broker, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		return broker.ListenAddrs()
	}
	wipe := func() { wipe(t, strings.Split(list, ",")) }
	wipe() // what another test may have left
	t.Cleanup(wipe)
	return strings.Split(list, ",")
}

// wipe deletes the users table and waits until it is gone.
func wipe(t *testing.T, brokers []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	if _, err := admin.DeleteTopics(ctx, topics.UserTable); err != nil {
		t.Fatal(err)
	}
	for {
		there, err := admin.ListTopics(ctx, topics.UserTable)
		if err != nil {
			t.Fatal(err)
		}
		if !there.Has(topics.UserTable) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// table makes a users table, and a view of it.
func table(t *testing.T) (*views.Users, func(user.State)) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	cluster, err := stream.Dial(t.Context(), stream.Config{
		Brokers: brokers(t), Instance: "views", Dir: t.TempDir(), Hasher: topics.Hasher, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	if err := cluster.Ensure(t.Context(), []stream.Topic{{Name: topics.UserTable, Partitions: 3, Config: map[string]string{"cleanup.policy": "compact"}}}); err != nil {
		t.Fatal(err)
	}
	emitter, err := cluster.NewEmitter(stream.EmitterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(emitter.Close)
	view, err := views.NewUsers(cluster)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- view.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for !view.Health().Ready {
		time.Sleep(time.Millisecond)
	}
	return view, func(s user.State) {
		t.Helper()
		row, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := emitter.Emit(t.Context(), topics.UserTable, s.Email, row, nil); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	email        = "ada@example.com"
	verification = "v1"
)

func stateWith(commandID string) user.State {
	return user.State{Email: email, Version: 1, Verifications: []user.Verification{{
		ID: verification, Outcomes: []user.Outcome{{CommandID: commandID, Result: user.Verified}},
	}}}
}

func TestAwait_ReturnsAsSoonAsTheOutcomeIsThere(t *testing.T) {
	view, write := table(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	type answer struct {
		outcome user.Outcome
		err     error
	}
	got := make(chan answer, 1)
	go func() {
		_, outcome, err := view.Await(ctx, email, verification, "c2")
		got <- answer{outcome, err}
	}()
	write(stateWith("c1")) // another command's: no answer yet
	write(stateWith("c2"))
	if a := <-got; a.err != nil || a.outcome.Result != user.Verified {
		t.Fatalf("outcome %+v, %v", a.outcome, a.err)
	}
	if _, outcome, err := view.Await(ctx, email, verification, "c2"); err != nil || outcome.CommandID != "c2" {
		t.Errorf("what is there already: %+v, %v", outcome, err)
	}
}

func TestAwait_WithoutAnOutcome_EndsWithItsContext(t *testing.T) {
	view, _ := table(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := view.Await(ctx, email, verification, "c"); err != context.DeadlineExceeded {
		t.Errorf("error is %v", err)
	}
}

func TestUsers_ShowTheRowAndWhereItWasWritten(t *testing.T) {
	view, write := table(t)
	if _, found, err := view.Get(email); found || err != nil {
		t.Fatalf("before: found %v, %v", found, err)
	}
	write(stateWith("c0"))
	write(stateWith("c1"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := view.Await(ctx, email, verification, "c1"); err != nil {
		t.Fatal(err)
	}
	state, partition, offset, found, err := view.Locate(email)
	if err != nil || !found || state.Email != email {
		t.Fatalf("state %+v, %v, %v", state, found, err)
	}
	if want := topics.Partition(email, 3); partition != want || offset != 1 {
		t.Errorf("at %d/%d, want %d/1", partition, offset, want)
	}
}
