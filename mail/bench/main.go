// Command bench measures how fast mails leave, beside Postfix's smtp-source on the same sink, Postfix's smtp-sink: the
// sender alone, and the whole way from an event in Kafka. It knows of mail and app only what any user of theirs knows.
//
// They take turns, and what is printed are medians of rounds, and medians of the ratios within a round: the machine's
// mood is in both halves of a ratio.
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
	Speed    speedCmd    `cmd:"" help:"Mails a second, ours beside smtp-source's."`
	Memory   memoryCmd   `cmd:"" help:"What the sender, and the whole notifier, hold while 1,000,000 mails leave."`
	Notifier notifierCmd `cmd:"" hidden:"" help:"The notifier, until standard input ends."`
}

// Settings are those of every measurement.
type Settings struct {
	Postfix string  `required:"" help:"Where Debian's package postfix is unpacked."`
	Scale   float64 `env:"BENCH_SCALE" default:"1" help:"Lessens (or multiplies) the mails by this factor."`
	Profile string  `env:"BENCH_PROFILE" help:"A folder for CPU profiles of what is measured. Defaults to none."`
}

// connections is how many of them everybody has.
const connections = 16

// Validate is kong's.
func (s Settings) Validate() error {
	if s.Scale <= 0 {
		return fmt.Errorf("BENCH_SCALE is %v: want more than 0", s.Scale)
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&cli{}, kong.BindTo(ctx, (*context.Context)(nil)))
	parsed.FatalIfErrorf(parsed.Run())
}
