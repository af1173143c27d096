package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"countersign/app/inbox"
)

// startBroker starts a broker that speaks Kafka's protocol and keeps its data
// in dir. It is for trying out, development and tests: one node, and what it
// acknowledged outlives the process but not the machine's sudden end. Killed
// while it commits a transaction, it keeps the half that it has marked.
func startBroker(ctx context.Context, addr, dir string, log logrus.FieldLogger) (*kfake.Cluster, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("STATE_DIR: %w", err)
	}
	listener, err := listen("EMBEDDED_KAFKA_ADDR", addr)
	if err != nil {
		return nil, err
	}
	broker, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.DataDir(filepath.Clean(dir)), kfake.ClusterID("countersign-embedded"),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return listener, nil }),
	)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("embedded broker with its data in %s: %w", dir, err)
	}
	if err := endLogs(ctx, broker.ListenAddrs()); err != nil {
		broker.Close()
		return nil, fmt.Errorf("embedded broker with its data in %s: %w", dir, err)
	}
	log.WithField("addr", listener.Addr().String()).Debug("embedded broker is up")
	return broker, nil
}

// endLogs puts an aborted transaction at the end of every partition. When the
// embedded broker is killed it aborts the transactions that were open, but,
// unlike Kafka, writes no marker behind their records: a reader of committed
// records who waits for the last offset would wait for ever.
func endLogs(ctx context.Context, brokers []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.TransactionalID("countersign-embedded"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil || len(topics) == 0 {
		return err
	}
	var records []*kgo.Record
	topics.EachPartition(func(p kadm.PartitionDetail) {
		records = append(records, &kgo.Record{Topic: p.Topic, Partition: p.Partition, Key: []byte{}})
	})
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	return client.EndTransaction(ctx, kgo.TryAbort)
}

// addInbox makes the SMTP server that takes the mails of an embedded run: it is the relay, then.
func (n *node) addInbox() (err error) {
	n.inbox, err = inbox.New(inbox.Config{Addr: n.settings.EmbeddedSMTPAddr, Dir: filepath.Join(n.settings.StateDir, "inbox"), Log: n.log})
	if err != nil {
		return unlistened("EMBEDDED_SMTP_ADDR", n.settings.EmbeddedSMTPAddr, err)
	}
	n.add(base, "inbox", n.inbox.Run)
	n.settings.relay, err = n.settings.newRelay("smtp://" + n.inbox.Addr())
	return err
}

// listen takes a port; a taken one is an error that names the setting.
func listen(setting, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, unlistened(setting, addr, err)
	}
	return l, nil
}

// unlistened says which setting names the port that cannot be had.
func unlistened(setting, addr string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err // the line has the address already
	}
	return fmt.Errorf("%s=%s cannot be listened on: %w", setting, addr, err)
}
