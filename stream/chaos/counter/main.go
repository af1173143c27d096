// Command counter is the application under test of package chaos: a goka group whose table counts the commands of each
// key, and which emits each count. Beside it, a view of the table.
//
// It writes "ready" to its standard output as soon as both are, ends with 0 on SIGTERM, and ends with its parent: when
// its standard input does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"countersign/stream"
	"countersign/stream/chaos"
)

type counter struct {
	Brokers     []string         `required:"" help:"host:port of the brokers."`
	Replication int16            `default:"1" help:"Copies that the topics have."`
	Group       string           `required:"" help:"Consumer group; the topics are called after it."`
	Instance    string           `required:"" help:"Stable name of this process."`
	Dir         string           `required:"" help:"Where local stores lie."`
	Guarantee   stream.Guarantee `default:"exactly_once" help:"exactly_once or at_least_once."`
	Standby     bool             `default:"true" negatable:"" help:"Follow what is another's, and recover ahead."`
	Via         string           `help:"host:port that every connection goes to instead; it is told the broker's in a first line."`
}

func main() {
	var c counter
	cli := kong.Parse(&c)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	cli.FatalIfErrorf(c.Run(ctx))
}

// Run counts until ctx ends.
func (c *counter) Run(ctx context.Context) error {
	log := logrus.New()
	log.SetFormatter(&logrus.TextFormatter{DisableColors: true, TimestampFormat: time.StampMilli, FullTimestamp: true})
	cfg := stream.Config{
		Brokers: c.Brokers, Replication: c.Replication, Instance: c.Instance, Dir: c.Dir, Guarantee: c.Guarantee,
		HotStandby: c.Standby, RecoverAhead: c.Standby,
		Hasher: goka.DefaultHasher(), // no key is looked up
		Log:    log,
	}
	if c.Via != "" {
		cfg.ClientOptions = []kgo.Opt{kgo.Dialer(c.dial)}
	}
	cluster, err := stream.Dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer cluster.Close()
	processor, err := cluster.NewProcessor(stream.ProcessorConfig{Graph: c.graph()})
	if err != nil {
		return err
	}
	view, err := cluster.NewView(stream.ViewConfig{Topic: chaos.TopicsOf(c.Group).Table, Codec: chaos.CountCodec{}})
	if err != nil {
		return err
	}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return ended(ctx, processor.Run(ctx)) })
	running.Go(func() error { return ended(ctx, view.Run(ctx)) })
	running.Go(func() error {
		for !processor.Health().Ready || !view.Health().Ready {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(5 * time.Millisecond):
			}
		}
		_, err := fmt.Println("ready")
		return err
	})
	return running.Wait()
}

// ended makes an error of an end that nobody asked for.
func ended(ctx context.Context, err error) error {
	if err == nil && ctx.Err() == nil {
		return errors.New("ended by itself")
	}
	return err
}

func (c *counter) graph() *goka.GroupGraph {
	topics := chaos.TopicsOf(c.Group)
	begun := time.Now().UnixNano()
	var calls atomic.Int64
	count := func(ctx goka.Context, command any) {
		before, _ := ctx.Value().(chaos.Count)
		now := chaos.Count{
			Number: before.Number + 1, Command: command.(string),
			Attempt: fmt.Sprintf("%s-%d-%d", c.Instance, begun, calls.Add(1)),
		}
		ctx.SetValue(now)
		ctx.Emit(goka.Stream(topics.Events), ctx.Key(), now)
	}
	return goka.DefineGroup(goka.Group(c.Group),
		stream.Input(goka.Stream(topics.Commands), new(codec.String), count),
		goka.Output(goka.Stream(topics.Events), chaos.CountCodec{}),
		goka.Persist(chaos.CountCodec{}))
}

func (c *counter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, c.Via)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(conn, address); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
