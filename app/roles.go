package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"countersign/api"
	"countersign/mail"
	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
	"countersign/views"
	"countersign/web/public"
)

func (n *node) add(in layer, name string, run func(context.Context) error) {
	n.parts = append(n.parts, part{in, name, run})
}

// follow adds what follows topics, and has readiness wait for it.
func (n *node) follow(name string, run func(context.Context) error, health func() stream.Health) {
	n.add(core, name, run)
	n.checks = append(n.checks, check{name: name, health: health})
}

// process adds a processor, which run starts, and what sweeps its table.
func (n *node) process(name string, p *stream.Processor, run func(context.Context) error) {
	n.processors = append(n.processors, p)
	n.follow(name+" processor", run, p.Health)
	settle := time.Duration(n.settings.SweepAfterSeconds) * time.Second
	n.add(edge, name+" sweeper", processors.Sweeper{Processor: p, Settle: settle, Log: n.log}.Run)
}

// addRoles makes the parts of each role.
func (n *node) addRoles(outside, inside net.Listener) error {
	var emitter *stream.Emitter
	var err error
	if n.roles.API {
		emitter, err = n.addEmitter("emitter", stream.EmitterConfig{Topics: []string{topics.UserCommands, topics.MailCommands}})
		if err != nil {
			return err
		}
	}
	if n.roles.Users {
		if err := n.addUsers(); err != nil {
			return err
		}
	}
	var suppressions *views.Suppressions
	if n.roles.API || n.roles.Notifier {
		if suppressions, err = views.NewSuppressions(n.cluster); err != nil {
			return err
		}
		n.follow("suppressions view", suppressions.Run, suppressions.Health)
	}
	if n.roles.Notifier {
		if err := n.addNotifier(suppressions); err != nil {
			return err
		}
	}
	internal := api.InternalConfig{
		Pages: public.Files, Log: n.log, Token: n.settings.InternalToken, Operator: n.settings.OperatorToken, Ready: n.ready, Metrics: n.registry, Registry: n.registry,
	}
	if n.inbox != nil {
		pages := http.NewServeMux() // it also sends /inbox to /inbox/
		pages.Handle("/inbox/", http.StripPrefix("/inbox", n.inbox.Handler()))
		internal.Extras = map[string]http.Handler{"/inbox": pages}
	}
	var forgotten func() ([]string, error)
	if n.roles.API {
		mails, err := n.addMails()
		if err != nil {
			return err
		}
		config, users, err := n.addViews(emitter, mails)
		if err != nil {
			return err
		}
		instances, err := views.NewInstances(n.cluster, n.settings.KafkaPartitions)
		if err != nil {
			return err
		}
		n.add(core, "instances view", instances.Run)
		internal.Instances, forgotten = instances, instances.Forgotten
		internal.Users, internal.PublicAddresses = users, config.PublicAddresses
		internal.Mails, internal.MailCommands, internal.Suppressions = mails, mailCommands{emitter}, suppressed{suppressions}
		internal.Commands, internal.History = config.Commands, history{views.NewHistory(n.cluster)}
		if internal.DeadLetters, err = n.addDeadLetters(users); err != nil {
			return err
		}
		if internal.Public, err = api.NewPublic(config); err != nil {
			return err
		}
		n.serve("public http", outside, internal.Public)
	}
	handler, err := api.NewInternal(internal)
	if err != nil {
		return err
	}
	n.serve("internal http", inside, handler)
	return n.addPresence(forgotten)
}

func (n *node) serve(name string, l net.Listener, h http.Handler) {
	n.add(edge, name, func(ctx context.Context) error { return api.Serve(ctx, l, h) })
}

// addEmitter makes what single records are written with.
func (n *node) addEmitter(name string, config stream.EmitterConfig) (*stream.Emitter, error) {
	config.ClientID = strings.ReplaceAll(name, " ", "-")
	emitter, err := n.cluster.NewEmitter(config)
	if err != nil {
		return nil, err
	}
	n.add(base, name, func(ctx context.Context) error {
		<-ctx.Done()
		emitter.Close()
		return nil
	})
	n.checks = append(n.checks, check{name: name, health: emitter.Health})
	return emitter, nil
}

// addUsers is the user service's processor.
func (n *node) addUsers() error {
	config := processors.UsersConfig{
		Partitions: n.settings.KafkaPartitions, Policy: n.settings.policy(), Registry: n.registry, Log: n.log,
		AtLeastOnce: stream.Guarantee(n.settings.ProcessingGuarantee) == stream.AtLeastOnce,
	}
	if n.settings.EventsIncludeCode {
		config.CodeSecrets = n.secrets
	}
	users, err := processors.Users(config)
	if err != nil {
		return err
	}
	p, err := n.cluster.NewProcessor(users)
	if err != nil {
		return err
	}
	n.process("users", p, p.Run)
	return nil
}

// addNotifier is the notification service: the outbox and who sends from it.
func (n *node) addNotifier(suppressions *views.Suppressions) error {
	results, err := n.addEmitter("results emitter", stream.EmitterConfig{Topics: []string{topics.MailDeliveries}})
	if err != nil {
		return err
	}
	sender, err := mail.NewSender(mail.SenderConfig{
		Relay: n.settings.relay, Composer: n.settings.composer, Letters: processors.Letters(n.secrets, n.settings.PublicURL),
		Report: processors.Report(results), Pool: n.settings.SMTPPool, Rate: n.settings.MailRate, RevokeTimeout: n.cluster.RevokeTimeout(),
		StopTimeout: n.roles.stopTimeout() * 2 / 3, Registry: n.registry, Log: n.log,
	})
	if err != nil {
		return err
	}
	mailer, err := processors.Mailer(processors.MailerConfig{
		Partitions: n.settings.KafkaPartitions, Suppressions: suppressions, Registry: n.registry, Log: n.log,
	})
	if err != nil {
		return err
	}
	mailer.Follower = processors.Outbox{Sender: sender, Log: n.log}
	p, err := n.cluster.NewProcessor(mailer)
	if err != nil {
		return err
	}
	n.process("mailer", p, func(ctx context.Context) error {
		select {
		case <-suppressions.Recovered(): // what waited while we were away is asked for, too
			return p.Run(ctx)
		case <-ctx.Done():
			return nil
		}
	})
	n.add(edge, "mail sender", sender.Run) // stops before the processor: its last results may still be settled here
	n.checks = append(n.checks, check{name: "mail sender", health: senderHealth(sender), noGrace: true})
	return nil
}

// addViews is what the api role reads, and with it the public API's configuration.
func (n *node) addViews(emitter *stream.Emitter, mails mailTable) (api.Config, *views.Users, error) {
	users, err := views.NewUsers(n.cluster)
	if err != nil {
		return api.Config{}, nil, err
	}
	rate, proxies, err := n.settings.clients()
	if err != nil {
		return api.Config{}, nil, err
	}
	n.follow("users view", users.Run, users.Health)
	return api.Config{
		Commands: commands{emitter}, Users: users, Mails: mails,
		Secrets: n.secrets, Policy: n.settings.policy(), PublicAddresses: n.inbox == nil, Pace: pace,
		PublicURL: n.settings.PublicURL, Pages: public.Files,
		RateLimit: rate, DomainMails: n.settings.DomainMails, TrustedProxies: proxies, CORSOrigins: n.settings.CORSOrigins, Log: n.log, LogAddresses: n.settings.LogAddresses, Registry: n.registry,
	}, users, nil
}

// pace is the step in which answers leave that tell nothing: longer than the processors take for a command on the same
// machine, and shorter than people notice.
const pace = 20 * time.Millisecond

// commands hands the API's commands to Kafka.
type commands struct{ emitter *stream.Emitter }

// Send returns when Kafka has acknowledged the command.
func (c commands) Send(ctx context.Context, command user.Command) error {
	value, err := topics.Codec[user.Command]{}.Encode(command)
	if err != nil {
		return err
	}
	headers := topics.Headers(command.ID, topics.UserCommands+"."+string(command.Type), topics.SourceAPI, command.IssuedAt, []byte(api.TraceParent(ctx)))
	return asked(c.emitter.Emit(ctx, topics.UserCommands, command.Email, value, headers))
}

// asked says in the API's words what an error of stream means for who asked.
func asked(err error) error {
	for _, known := range []struct{ stream, api error }{
		{stream.ErrUnavailable, api.ErrUnavailable},
		{stream.ErrOutcomeUnknown, api.ErrOutcomeUnknown},
		{stream.ErrOverloaded, api.ErrOverloaded},
	} {
		if errors.Is(err, known.stream) {
			return fmt.Errorf("%w: %w", known.api, err)
		}
	}
	return err
}

// ready is every condition of readiness.
func (n *node) ready() []api.Check {
	var all []api.Check
	for _, c := range n.checks {
		h := c.health()
		all = append(all, api.Check{Name: c.name, Ready: h.Ready, Reason: h.Reason, Behind: h.Behind, NoGrace: c.noGrace})
	}
	return all
}

// senderHealth shows a sender as a part whose health is asked. What it cannot mail for want of a secret makes it unready; an
// ill relay does not, because mails wait for it, but it is told.
func senderHealth(s *mail.Sender) func() stream.Health {
	return func() stream.Health {
		h := s.Health()
		if h.Ready && !h.RelayIllSince.IsZero() {
			h.Reason = fmt.Sprintf("mails wait, the relay is ill since %s: %s", h.RelayIllSince.UTC().Format(time.RFC3339), h.RelayReason)
		}
		return stream.Health{Ready: h.Ready, Reason: h.Reason}
	}
}
