package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/sirupsen/logrus"

	"countersign/app/inbox"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// node is one process: what its parts share.
type node struct {
	settings Settings
	roles    Roles
	log      logrus.FieldLogger
	registry *prometheus.Registry
	secrets  user.Secrets
	cluster  *stream.Cluster
	inbox    *inbox.Inbox // embedded only
	parts    []part       // in the order of their start; they stop the other way round
	checks   []check
}

// part is something that runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// check is one condition of readiness.
type check struct {
	name   string
	health func() stream.Health
}

// Run starts the roles and returns when ctx ends and everything has stopped,
// or with the first error. out gets a welcome once everything is ready.
func Run(ctx context.Context, settings Settings, roles Roles, out io.Writer) (err error) {
	if err := settings.complete(roles); err != nil {
		return err
	}
	log, err := settings.logger()
	if err != nil {
		return err
	}
	n := &node{settings: settings, roles: roles, log: log, registry: prometheus.NewRegistry()}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	unlock, err := lockStateDir(settings.StateDir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := n.identify(); err != nil {
		return err
	}
	internal, err := listen("INTERNAL_ADDR", settings.InternalAddr)
	if err != nil {
		return err
	}
	defer internal.Close()
	var public net.Listener
	if roles.API {
		if public, err = listen("HTTP_ADDR", settings.HTTPAddr); err != nil {
			return err
		}
		defer public.Close()
	}
	if roles.Notifier && settings.embeddedInbox() {
		if err := n.addInbox(); err != nil {
			return err
		}
	}
	if settings.embeddedKafka() {
		broker, err := startBroker(ctx, settings.EmbeddedKafkaAddr, filepath.Join(settings.StateDir, "kafka"), log)
		if err != nil {
			return err
		}
		defer broker.Close()
		n.settings.KafkaBrokerList = broker.ListenAddrs()
	}
	if err := n.dial(ctx); err != nil {
		return err
	}
	defer n.cluster.Close()
	if err := n.addRoles(public, internal); err != nil {
		return err
	}
	n.parts = append(n.parts, part{"welcome", func(ctx context.Context) error {
		n.welcome(ctx, out)
		<-ctx.Done()
		return nil
	}})
	return runInOrder(ctx, n.parts)
}

// Everything is the role of 'countersign run'.
func Everything() Roles { return everything }

// identify settles the instance's name and its secrets.
func (n *node) identify() (err error) {
	s := &n.settings
	if s.InstanceID == "" {
		if s.InstanceID, err = kept(s.StateDir, "instance", newInstanceID); err != nil {
			return err
		}
	}
	if s.Secrets == "" && n.settings.needsSecrets(n.roles) {
		if s.Secrets, err = kept(s.StateDir, "secret", NewSecret); err != nil {
			return err
		}
	}
	if s.Secrets != "" {
		if n.secrets, err = user.ParseSecrets(s.Secrets); err != nil {
			return fmt.Errorf("COUNTERSIGN_SECRETS: %w", err)
		}
	}
	if s.EventsIncludeCode {
		n.log.Warn("EVENTS_INCLUDE_CODE is on: whoever reads the event topics reads the codes")
	}
	return nil
}

// dial connects to Kafka and makes sure that the topics are as they must be.
func (n *node) dial(ctx context.Context) (err error) {
	s := n.settings
	n.cluster, err = stream.Dial(ctx, stream.Config{
		Brokers: s.KafkaBrokerList, Instance: s.InstanceID, Dir: filepath.Join(s.StateDir, "stores"),
		Guarantee: stream.Guarantee(s.ProcessingGuarantee), Hasher: topics.Hasher,
		Compression: s.KafkaCompression, Replication: s.ReplicationFactor,
		Log: n.log, Registry: n.registry,
	})
	if err != nil {
		return err
	}
	var wanted []stream.Topic
	for _, t := range topics.All() {
		wanted = append(wanted, stream.Topic{Name: t.Name, Partitions: s.KafkaPartitions, Config: t.Config(s.embeddedKafka())})
	}
	if err := n.cluster.Ensure(ctx, wanted); err != nil {
		n.cluster.Close()
		return err
	}
	return nil
}

// stopTimeout bounds how long a part may take to stop.
const stopTimeout = 4 * time.Second

// runInOrder starts the parts in their order. When ctx ends or a part fails,
// it stops them in the opposite order, each only after those that use it.
func runInOrder(ctx context.Context, parts []part) error {
	ended := make(chan error, len(parts))
	stops := make([]func() error, len(parts))
	for i, p := range parts {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := p.run(own); err != nil {
				ended <- fmt.Errorf("%s: %w", p.name, err)
			}
		}()
		stops[i] = func() error {
			cancel()
			select {
			case <-done:
				return nil
			case <-time.After(stopTimeout):
				return fmt.Errorf("%s did not stop within %v", p.name, stopTimeout)
			}
		}
	}
	var all []error
	select {
	case <-ctx.Done():
	case err := <-ended:
		all = append(all, err)
	}
	for i := len(stops) - 1; i >= 0; i-- {
		all = append(all, stops[i]())
	}
	for len(ended) > 0 {
		all = append(all, <-ended)
	}
	return errors.Join(all...)
}
