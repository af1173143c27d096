package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/sirupsen/logrus"

	"countersign/app/inbox"
	"countersign/stream"
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
	parts    []part
	checks   []check

	processors []*stream.Processor
}

// part is something that runs until its context ends.
type part struct {
	layer layer
	name  string
	run   func(context.Context) error
}

// layer says what a part needs: those of the layers below.
type layer int

const (
	base layer = iota // what others write and mail to
	core              // what follows topics
	edge              // what meets the outside: who asks us, and the relay
)

// check is one condition of readiness.
type check struct {
	name    string
	health  func() stream.Health
	noGrace bool // as in api.Check
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
	if err := n.cluster.Allowed(ctx); err != nil {
		return err
	}
	n.add(edge, "welcome", func(ctx context.Context) error {
		n.welcome(ctx, out)
		<-ctx.Done()
		return nil
	})
	return runParts(ctx, n.parts, roles.stopTimeout())
}

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
	config := n.settings.kafka(n.log)
	config.Registry = n.registry
	if n.cluster, err = stream.Dial(ctx, config); err != nil {
		return err
	}
	if err := n.cluster.Ensure(ctx, n.settings.topics()); err != nil {
		n.cluster.Close()
		return err
	}
	return nil
}

// stopTimeout bounds the whole stop. Somebody waits at a terminal for what runs everything; a single role has nearly the ten
// seconds after which container engines kill it.
func (r Roles) stopTimeout() time.Duration {
	if r == everything {
		return 4500 * time.Millisecond
	}
	return 9 * time.Second
}

// runParts runs the parts. When ctx ends or a part fails, it stops them layer
// by layer, those of one layer together: the edges first. What has not stopped
// in time is left behind, and named by the error.
func runParts(ctx context.Context, parts []part, timeout time.Duration) error {
	type running struct {
		part
		stop context.CancelFunc
		done chan struct{}
	}
	ended := make(chan error, len(parts))
	layers := make([][]running, edge+1)
	for _, p := range parts {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{p, stop, make(chan struct{})}
		layers[p.layer] = append(layers[p.layer], r)
		go func() {
			defer close(r.done)
			if err := p.run(own); err != nil {
				ended <- fmt.Errorf("%s: %w", p.name, err)
			}
		}()
	}
	var all []error
	select {
	case <-ctx.Done():
	case err := <-ended:
		all = append(all, err)
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	for _, layer := range slices.Backward(layers) {
		for _, r := range layer {
			r.stop()
		}
		for _, r := range layer {
			select {
			case <-r.done:
			case <-late.Done():
				select {
				case <-r.done: // it was only its neighbour that was late
				default:
					all = append(all, fmt.Errorf("%s did not stop in time", r.name))
				}
			}
		}
	}
	for len(ended) > 0 {
		all = append(all, <-ended)
	}
	return errors.Join(all...)
}
