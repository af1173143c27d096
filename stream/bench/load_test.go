package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"), // ends 1 s after its database
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),  // sarama's
	)
}

func TestAccount_Encoded_Has300Bytes(t *testing.T) {
	if n := len(newAccount(fmt.Sprintf("%016x", 1), 1).encode()); n != 300 {
		t.Errorf("a value has %d bytes", n)
	}
}

func TestLoad_OnEachPeer_HasAnEventForEveryCommand(t *testing.T) {
	settings := Settings{Brokers: strings.Split(os.Getenv("KAFKA_BROKER_LIST"), ",")}
	if settings.Brokers[0] == "" {
		kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		defer kafka.Close()
		settings.Brokers = kafka.ListenAddrs()
	}
	systems, err := settings.systems()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) {
			place, err := settings.newPlace(t.Context(), s, 4, 0)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ready, ended := make(chan bool, 1), make(chan error, 1)
			go func() { ended <- place.run(ctx, s.name, func() { ready <- true }) }()
			select {
			case <-ready:
			case err := <-ended:
				t.Fatal(err)
			}
			load, err := place.newLoad()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := load.run(t.Context(), 64, 200*time.Millisecond); err != nil {
				t.Error(err)
			}
			load.cl.Close()
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := place.remove(); err != nil {
				t.Error(err)
			}
		})
	}
}
