// Command bench measures what a processor on stream costs, beside systems that do the same work: goka on sarama, Kafka
// Streams, and a relay without state, which is the floor. It knows of stream only what any service knows; what a row says
// is no concern of the measurement.
//
// The work is a command that changes one row of a table and causes one event, 300 bytes each. Every system runs in a
// process of its own, they take turns on one Kafka, and what is printed are medians of rounds, and medians of the ratios
// within a round: the machine's mood is in both halves of a ratio.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Throughput throughputCmd `cmd:"" help:"Latency and throughput at 1, 64 and 512 commands in flight."`
	Restore    restoreCmd    `cmd:"" help:"Filling an empty store with 1,000,000 rows."`
	Rebalance  rebalanceCmd  `cmd:"" help:"The longest gap a command sees while members come and go."`
	Peer       peerCmd       `cmd:"" hidden:"" help:"One system, until standard input ends."`
}

// Settings are those of every measurement.
type Settings struct {
	Brokers []string `env:"KAFKA_BROKER_LIST" required:"" help:"A Kafka of one's own: host:port,…"`
	Scale   float64  `env:"BENCH_SCALE" default:"1" help:"Shortens (or lengthens) every measurement by this factor."`
	Rounds  int      `default:"3" help:"How often each system is measured."`
	Only    []string `help:"Names of the systems to measure. Defaults to all."`
	Streams string   `help:"Where Kafka Streams' jars and classes/Streams.class are. Defaults to none: without Kafka Streams."`
}

// Validate is kong's.
func (s Settings) Validate() error {
	if s.Scale <= 0 {
		return fmt.Errorf("BENCH_SCALE is %v: want more than 0", s.Scale)
	}
	if s.Rounds < 1 {
		return fmt.Errorf("--rounds is %d: want at least 1", s.Rounds)
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&cli{}, kong.BindTo(ctx, (*context.Context)(nil)))
	parsed.FatalIfErrorf(parsed.Run())
}
