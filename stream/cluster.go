package stream

// What is held here:
//   - every client of one process shares one set of options: brokers, names, bounded and growing retries, one log;
//   - Dial answers within ten seconds, with one line that names the setting at fault (refusal.go);
//   - exactly once is refused where the brokers cannot do it (Kafka before 4.0, or transaction.version below 2).

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Guarantee says what a failure may do to a record that was being processed.
type Guarantee string

const (
	// ExactlyOnce processes in Kafka's transactions: a record's offset, the table rows and the records it caused become
	// readable together or never.
	ExactlyOnce Guarantee = "exactly_once"
	// AtLeastOnce processes without transactions: after a failure a record's effects may be there twice.
	AtLeastOnce Guarantee = "at_least_once"
)

// dialTimeout bounds how long Dial looks for a broker, lookTimeout one look, connectTimeout one connection.
const (
	dialTimeout    = 10 * time.Second
	lookTimeout    = 4 * time.Second
	connectTimeout = 3 * time.Second
)

// Config is one process's use of one Kafka cluster. Brokers, Instance, Dir, Hasher and Log must be set.
type Config struct {
	// Brokers are the addresses (host:port) to ask first.
	Brokers []string
	// Instance is the stable name of this process: it begins client ids, and transactional ids are
	// <group>-<instance>-<0|1>. Two processes with one name fence each other.
	Instance string
	// Dir is where local stores lie: Dir/<cluster id>/<topic id>/{processor,view}/<partition>.
	// One process uses it at a time; the caller sees to that.
	Dir string
	// Guarantee of the processors. Defaults to ExactlyOnce.
	Guarantee Guarantee
	// Hasher assigns keys to partitions for goka. It must agree with the partitioner of Kafka's own clients
	// (murmur2, never negative), by which everything is produced here.
	Hasher func() hash.Hash32
	// Compression of what is produced: none, gzip, snappy, lz4 or zstd. Defaults to none.
	Compression string
	// Replication of topics that are made here. Defaults to 1.
	Replication int16
	// SessionTimeout is how long a silent member keeps its partitions. Defaults to 6 s.
	SessionTimeout time.Duration
	// HeartbeatInterval is how often a member shows that it lives, and hears that another came or went: who leaves, and
	// who rejoins first, waits for it. Defaults to 50 ms.
	HeartbeatInterval time.Duration
	// RebalanceTimeout is how long a member may take to let go of its partitions. Defaults to 10 s.
	RebalanceTimeout time.Duration
	// HotStandby has every processor follow the partitions of its table that are another member's, so that a member that
	// takes them over has little to recover. It costs disk and reading for all of the table. Defaults to false.
	HotStandby bool
	// RecoverAhead has a processor recover its table before it joins its group, for as long as more of it comes.
	// Defaults to false.
	RecoverAhead bool
	// TransactionTimeout is after how long the brokers abort what was left open. Defaults to 10 s.
	TransactionTimeout time.Duration
	// Security is TLS and SASL. Defaults to neither.
	Security Security
	// ClientOptions are added to those of every client. Defaults to none.
	ClientOptions []kgo.Opt
	// Log takes what the clients and goka have to say.
	Log logrus.FieldLogger
	// Registry takes the metrics. Defaults to none.
	Registry prometheus.Registerer
}

func (c Config) withDefaults() Config {
	c.Guarantee = cmp.Or(c.Guarantee, ExactlyOnce)
	c.Compression = cmp.Or(c.Compression, "none")
	c.Replication = cmp.Or(c.Replication, 1)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 6*time.Second)
	c.HeartbeatInterval = cmp.Or(c.HeartbeatInterval, 50*time.Millisecond)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, 10*time.Second)
	c.TransactionTimeout = cmp.Or(c.TransactionTimeout, 10*time.Second)
	return c
}

// Cluster is a Kafka cluster as one process uses it.
type Cluster struct {
	cfg     Config
	secure  []kgo.Opt
	codec   kgo.CompressionCodec
	log     logrus.FieldLogger
	cl      *kgo.Client
	adm     *kadm.Client // of cl
	said    *said
	metrics *metrics
	id      string
	brokers int

	mu     sync.Mutex
	needed []access // by what is made on the cluster
}

// Dial asks the brokers who they are. It fails when none answers within ten seconds or before ctx ends, when they want to
// be spoken to otherwise than cfg.Security says or cannot do what cfg.Guarantee asks, and when cfg holds a word that is not
// known or a file that cannot be read.
func Dial(ctx context.Context, cfg Config) (*Cluster, error) {
	cfg = cfg.withDefaults()
	if cfg.Guarantee != ExactlyOnce && cfg.Guarantee != AtLeastOnce {
		return nil, fmt.Errorf("PROCESSING_GUARANTEE is %q: want %s or %s", cfg.Guarantee, ExactlyOnce, AtLeastOnce)
	}
	codec, err := compression(cfg.Compression)
	if err != nil {
		return nil, err
	}
	secure, err := cfg.Security.options()
	if err != nil {
		return nil, err
	}
	c := &Cluster{cfg: cfg, secure: secure, codec: codec, log: cfg.Log, said: &said{at: map[string]time.Time{}}}
	if c.cl, err = c.newClient("admin"); err != nil {
		return nil, err
	}
	c.adm = kadm.NewClient(c.cl)
	if err := c.meet(ctx); err != nil {
		c.adm.Close()
		return nil, err
	}
	if c.metrics, err = newMetrics(cfg.Registry); err != nil {
		c.adm.Close()
		return nil, err
	}
	return c, nil
}

func compression(name string) (kgo.CompressionCodec, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none":   kgo.NoCompression(),
		"gzip":   kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(),
		"lz4":    kgo.Lz4Compression(),
		"zstd":   kgo.ZstdCompression(),
	}
	codec, ok := codecs[name]
	if !ok {
		return codec, fmt.Errorf("KAFKA_COMPRESSION is %q: want none, gzip, snappy, lz4 or zstd", name)
	}
	return codec, nil
}

// meet learns what the cluster is, and whether it will do.
func (c *Cluster) meet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var err error
	for {
		look, stop := context.WithTimeout(ctx, lookTimeout)
		e := c.cl.Ping(look)
		stop()
		if e == nil {
			break
		}
		e, final := c.refusal(ctx, e)
		late, ok := errors.AsType[net.Error](e)
		if err == nil || ctx.Err() == nil && !(ok && late.Timeout()) {
			err = e // that time ran out, also while asking why, says less than a refusal before
		}
		if final || !sleep(ctx, 200*time.Millisecond) {
			return err
		}
	}
	c.said.speak()
	meta, err := c.adm.BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("ask the brokers for their cluster: %w", err)
	}
	c.id, c.brokers = meta.Cluster, len(meta.Brokers)
	if c.cfg.Guarantee == ExactlyOnce {
		return checkTransactions(ctx, c.cl)
	}
	return nil
}

// checkTransactions looks for transaction.version 2 (KIP-890): with it a producer's epoch grows with every transaction,
// so a late request of an ended transaction cannot slip into the next.
func checkTransactions(ctx context.Context, cl *kgo.Client) error {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "franz-go", "v1"
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("ask the brokers for their features: %w", err)
	}
	for _, f := range resp.FinalizedFeatures {
		if f.Name == "transaction.version" && f.MaxVersionLevel >= 2 {
			return nil
		}
	}
	return errors.New("PROCESSING_GUARANTEE=exactly_once needs Kafka 4.0 or later with transaction.version 2: " +
		"the brokers do not have it (kafka-features upgrade, or at_least_once)")
}

// ID is the cluster's own name for itself.
func (c *Cluster) ID() string { return c.id }

// Brokers is how many brokers the cluster had when it was dialled.
func (c *Cluster) Brokers() int { return c.brokers }

// Close ends what Dial began. Processors, views and emitters end before it.
func (c *Cluster) Close() { c.adm.Close() }

// newClient is every client's beginning.
func (c *Cluster) newClient(name string, more ...kgo.Opt) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.cfg.Brokers...),
		kgo.ClientID(c.clientID(name)),
		kgo.RequestRetries(20),
		kgo.RetryBackoffFn(func(tries int) time.Duration { return min(time.Duration(tries)*20*time.Millisecond, time.Second) }),
		kgo.DialTimeout(connectTimeout),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.WithLogger(clientLog{c.log.WithField("client", name), name, c.said}),
	}
	cl, err := kgo.NewClient(slices.Concat(opts, c.secure, c.cfg.ClientOptions, more)...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client %s: %w", name, err)
	}
	return cl, nil
}

// RevokeTimeout is how long a Follower may take to let go of a partition: what a rebalance permits, less what the last commit
// takes.
func (c *Cluster) RevokeTimeout() time.Duration { return c.cfg.RebalanceTimeout * 4 / 5 }

func (c *Cluster) clientID(name string) string { return c.cfg.Instance + "-" + name }

// producing are the options of whatever produces: nothing is sent and forgotten, and a key goes where Kafka's own
// clients would put it.
func (c *Cluster) producing() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(c.codec),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
	}
}

// sleep waits for d; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
