// Command recommender is a third service: it listens to one topic, and no
// other service knows of it. Each account that is verified gets a first
// recommendation, printed as a line of JSON.
//
//	KAFKA_BROKER_LIST=127.0.0.1:9092 go run ./examples/recommender
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/topics"
)

type recommendation struct {
	UserID string `json:"user_id"`
	Text   string `json:"text"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("KAFKA_BROKER_LIST"), "127.0.0.1:9092"), ",")...),
		kgo.ConsumerGroup("recommender"), // a group of its own: it takes nothing from anyone
		kgo.ConsumeTopics(topics.UserAccountVerified),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.DisableAutoCommit(),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	out := json.NewEncoder(os.Stdout)
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			log.Printf("fetch %s/%d: %v", e.Topic, e.Partition, e.Err)
		}
		for _, record := range fetches.Records() {
			var event topics.Event
			if err := json.Unmarshal(record.Value, &event); err != nil {
				log.Printf("pass over %s/%d@%d: %v", record.Topic, record.Partition, record.Offset, err)
				continue
			}
			first := recommendation{UserID: event.UserID, Text: "Welcome, " + event.FirstName + ": here is what others began with."}
			if err := out.Encode(first); err != nil {
				return err
			}
		}
		// After the work: a crash repeats a recommendation, and loses none.
		if err := client.CommitUncommittedOffsets(ctx); err != nil && ctx.Err() == nil {
			log.Printf("commit: %v", err)
		}
	}
}
