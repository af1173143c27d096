package app

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/joho/godotenv"
	"github.com/sirupsen/logrus"

	"countersign/mail"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

// Settings of every role. Each comes from its flag, else from the environment,
// else from a file .env in the working directory, else its default.
type Settings struct {
	HTTPAddr     string `name:"http-addr" env:"HTTP_ADDR" default:"127.0.0.1:8080" help:"Where people register and verify (api)."`
	InternalAddr string `name:"internal-addr" env:"INTERNAL_ADDR" default:"127.0.0.1:8081" help:"Where operators and other services ask; loopback only unless there is a token."`
	PublicURL    string `name:"public-url" env:"PUBLIC_URL" help:"What mailed links begin with. Defaults to HTTP_ADDR in 'run'."`

	InternalToken string `name:"internal-token" env:"INTERNAL_TOKEN" help:"Bearer token for the internal listener (or INTERNAL_TOKEN_FILE)."`
	OperatorToken string `name:"operator-token" env:"OPERATOR_TOKEN" help:"Bearer token to change something on the internal listener: erase, retry (or OPERATOR_TOKEN_FILE)."`
	Secrets       string `name:"secrets" env:"COUNTERSIGN_SECRETS" help:"id:base64,… of which the first signs; 'countersign secret' makes one (or COUNTERSIGN_SECRETS_FILE)."`

	KafkaBrokerList     []string `name:"kafka-broker-list" env:"KAFKA_BROKER_LIST" help:"host:port,… of a real Kafka. Not set, 'run' brings an embedded broker."`
	KafkaPartitions     int32    `name:"kafka-partitions" env:"KAFKA_PARTITIONS" help:"Of every topic; never changes later. Defaults to 16, embedded to 4."`
	ReplicationFactor   int16    `name:"replication-factor" env:"REPLICATION_FACTOR" help:"Of every topic. Defaults to 3, embedded to 1."`
	KafkaCompression    string   `name:"kafka-compression" env:"KAFKA_COMPRESSION" default:"none" help:"none, gzip, snappy, lz4 or zstd."`
	KafkaTLS            bool     `name:"kafka-tls" env:"KAFKA_TLS" help:"Speak TLS with the brokers."`
	KafkaTLSCAFile      string   `name:"kafka-tls-ca-file" env:"KAFKA_TLS_CA_FILE" help:"Authorities that signed the brokers' certificates (PEM). Defaults to the system's."`
	KafkaTLSCertFile    string   `name:"kafka-tls-cert-file" env:"KAFKA_TLS_CERT_FILE" help:"Certificate to show to the brokers (PEM)."`
	KafkaTLSKeyFile     string   `name:"kafka-tls-key-file" env:"KAFKA_TLS_KEY_FILE" help:"Its key (PEM)."`
	KafkaTLSServerName  string   `name:"kafka-tls-server-name" env:"KAFKA_TLS_SERVER_NAME" help:"What the brokers' certificates are for. Defaults to each broker's host."`
	KafkaSASLMechanism  string   `name:"kafka-sasl-mechanism" env:"KAFKA_SASL_MECHANISM" help:"SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN, which beyond loopback needs KAFKA_TLS."`
	KafkaSASLUsername   string   `name:"kafka-sasl-username" env:"KAFKA_SASL_USERNAME" help:"Who to log in to the brokers as."`
	KafkaSASLPassword   string   `name:"kafka-sasl-password" env:"KAFKA_SASL_PASSWORD" help:"With what password (or KAFKA_SASL_PASSWORD_FILE)."`
	ProcessingGuarantee string   `name:"processing-guarantee" env:"PROCESSING_GUARANTEE" default:"exactly_once" help:"exactly_once, or at_least_once for comparison and for brokers without transactions."`
	HotStandby          bool     `name:"hot-standby" env:"HOT_STANDBY" default:"true" negatable:"" help:"Keep a copy of the whole table in every instance, so that a rebalance has nothing to recover."`
	RecoverAhead        bool     `name:"recover-ahead" env:"RECOVER_AHEAD" default:"true" negatable:"" help:"Recover before joining the group, so that nobody waits for it."`
	EventsIncludeCode   bool     `name:"events-include-code" env:"EVENTS_INCLUDE_CODE" help:"Put the code into the events, for consumers that compose their own mail. Codes then stand in Kafka."`
	EmbeddedKafkaAddr   string   `name:"embedded-kafka-addr" env:"EMBEDDED_KAFKA_ADDR" default:"127.0.0.1:9092" help:"Of the embedded broker."`

	SMTPURL          string  `name:"smtp-url" env:"SMTP_URL" help:"smtp://user:pass@host:587 or smtps://…. Not set, 'run' brings an inbox (or SMTP_URL_FILE)."`
	SMTPInsecure     string  `name:"smtp-insecure" env:"SMTP_INSECURE" default:"false" help:"true: speak in clear to a relay that is not on loopback; passwords then only by CRAM-MD5. A host: to that relay alone."`
	SMTPPool         int     `name:"smtp-pool" env:"SMTP_POOL" default:"16" help:"Connections to the relay, a quarter of them at most for mails to one domain: 1 to 1000."`
	SMTPCAFile       string  `name:"smtp-ca-file" env:"SMTP_CA_FILE" help:"Authorities that signed the relay's certificate (PEM); it must speak TLS then. Defaults to the system's."`
	SMTPHello        string  `name:"smtp-hello" env:"SMTP_HELLO" help:"What we call ourselves to the relay (EHLO): a full name, or an address like [192.0.2.1]. Defaults to the machine's full name, else its address."`
	MailRate         float64 `name:"mail-rate" env:"MAIL_RATE" default:"0" help:"Mails a second that an instance begins to send, over all its connections: 0.01 to 100000; 0: as many as the relay takes."`
	MailFrom         string  `name:"mail-from" env:"MAIL_FROM" help:"Sender of the mails. Needed with SMTP_URL."`
	MailReplyTo      string  `name:"mail-reply-to" env:"MAIL_REPLY_TO" help:"Where answers go. Defaults to MAIL_SUPPORT, else MAIL_FROM."`
	MailProduct      string  `name:"mail-product" env:"MAIL_PRODUCT" default:"Countersign" help:"The name that the mails speak in."`
	MailColor        string  `name:"mail-color" env:"MAIL_COLOR" default:"#3454d1" help:"Of the mails' button, as #rrggbb."`
	MailLogo         string  `name:"mail-logo" env:"MAIL_LOGO" help:"Picture to attach to every mail: PNG, JPEG or GIF, at most 64 KiB."`
	MailSupport      string  `name:"mail-support" env:"MAIL_SUPPORT" help:"Address for questions that the mails name."`
	TemplateDir      string  `name:"template-dir" env:"TEMPLATE_DIR" help:"Mails of your own, in the place of those built in; docs/mails.md says how."`
	EmbeddedSMTPAddr string  `name:"embedded-smtp-addr" env:"EMBEDDED_SMTP_ADDR" default:"127.0.0.1:1025" help:"Of the embedded inbox."`

	CodeTTLSeconds      int `name:"code-ttl-seconds" env:"CODE_TTL_SECONDS" default:"600" help:"How long a code is accepted: 120 to 600."`
	CodeTries           int `name:"code-tries" env:"CODE_TRIES" default:"5" help:"Wrong guesses a verification; at most 10."`
	MailIntervalSeconds int `name:"mail-interval-seconds" env:"MAIL_INTERVAL_SECONDS" default:"60" help:"Between two mails to an address; at most 3600."`
	MailsPerHour        int `name:"mails-per-hour" env:"MAILS_PER_HOUR" default:"5" help:"To an address; at most 20, and MAILS_PER_DAY."`
	MailsPerDay         int `name:"mails-per-day" env:"MAILS_PER_DAY" default:"10" help:"To an address; at most 50."`
	MailsPerClient      int `name:"mails-per-client" env:"MAILS_PER_CLIENT" default:"3" help:"Of an address's daily mails, by one client; at most MAILS_PER_DAY."`
	FailuresBeforeLock  int `name:"failures-before-lock" env:"FAILURES_BEFORE_LOCK" default:"100" help:"Wrong guesses in a row an account, before its digits are locked: 10 to 100."`
	UnverifiedHours     int `name:"unverified-hours" env:"UNVERIFIED_HOURS" default:"24" help:"Until an account that nobody proves is removed (users); at most 168."`

	RateLimit      string   `name:"rate-limit" env:"RATE_LIMIT" default:"60" help:"Commands a minute that one client may send to an instance, and ten times as many questions. 'off' for load tests."`
	DomainMails    int      `name:"domain-mails-per-hour" env:"DOMAIN_MAILS_PER_HOUR" default:"10000" help:"Mails that may be asked of an instance to addresses of one domain; RATE_LIMIT=off leaves them open, too."`
	TrustedProxies []string `name:"trusted-proxies" env:"TRUSTED_PROXIES" help:"Networks (CIDR) or addresses of the proxies whose X-Forwarded-For is believed. None by default: the peer is the client."`
	CORSOrigins    []string `name:"cors-origins" env:"CORS_ORIGINS" help:"Sites whose pages may use the API, like https://www.example.com. None by default."`

	SweepAfterSeconds int `name:"sweep-after-seconds" env:"SWEEP_AFTER_SECONDS" default:"120" help:"How long an instance waits before it first looks for what is to be removed; later it looks every half hour."`

	StateDir     string `name:"state-dir" env:"STATE_DIR" help:"Local stores, and the data of what is embedded. Defaults to .countersign, for 'serve ROLE' to .countersign/ROLE."`
	InstanceID   string `name:"instance-id" env:"INSTANCE_ID" help:"Stable name of this instance. Made once and kept in STATE_DIR by default."`
	LogAddresses bool   `name:"log-addresses" env:"LOG_ADDRESSES" help:"Log e-mail addresses and public clients as they are. By default logs hold short keyed hashes of them."`
	LogLevel     string `name:"log-level" env:"LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat    string `name:"log-format" env:"LOG_FORMAT" default:"text" help:"text or json."`

	// What complete has made of a notifier's settings to prove them: the composer tries every template.
	composer *mail.Composer
	relay    *mail.Relay // nil: the embedded inbox
}

// exampleSender sends what nobody gets.
const exampleSender = "Countersign <no-reply@countersign.example>"

const (
	maxRateLimit = 100_000 // a minute; beyond, it is off
	minToken     = 16      // characters; fewer could be guessed
)

// instanceID is what a transactional id and a client id may hold; empty, one is made.
var instanceID = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

// Roles says which parts of the system a process is.
type Roles struct{ API, Users, Notifier bool }

// names lists the roles.
func (r Roles) names() (names []string) {
	for _, role := range []struct {
		on   bool
		name string
	}{{r.API, "api"}, {r.Users, "users"}, {r.Notifier, "notifier"}} {
		if role.on {
			names = append(names, role.name)
		}
	}
	return names
}

// everything is every role in one process.
var everything = Roles{API: true, Users: true, Notifier: true}

// LoadEnvironment adds the settings of .env, if there is one, to the
// environment, then those whose value stands in a file: NAME_FILE for NAME.
// What is set already stays.
func LoadEnvironment() error {
	if err := godotenv.Load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.New(".env cannot be read: each line must be NAME=value")
	}
	for _, name := range []string{"COUNTERSIGN_SECRETS", "SMTP_URL", "INTERNAL_TOKEN", "OPERATOR_TOKEN", "KAFKA_SASL_PASSWORD"} {
		file := os.Getenv(name + "_FILE")
		if file == "" || os.Getenv(name) != "" {
			continue
		}
		value, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", name, err)
		}
		if err := os.Setenv(name, strings.TrimSpace(string(value))); err != nil {
			return fmt.Errorf("%s_FILE: %w", name, err)
		}
	}
	return nil
}

// embeddedKafka says whether the process brings its own broker, embeddedInbox
// whether it brings its own inbox.
func (s *Settings) embeddedKafka() bool { return len(s.KafkaBrokerList) == 0 }
func (s *Settings) embeddedInbox() bool { return s.SMTPURL == "" }

// complete fills in what depends on the roles, and says everything that is
// wrong, naming the setting.
func (s *Settings) complete(roles Roles) error {
	alone := roles == everything
	var wrong []error
	addresses := []struct{ name, addr string }{{"INTERNAL_ADDR", s.InternalAddr}}
	if roles.API {
		addresses = append(addresses, struct{ name, addr string }{"HTTP_ADDR", s.HTTPAddr})
	}
	for _, a := range addresses {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("%s must be host:port, like 127.0.0.1:8080", a.name)
		}
	}
	need := func(ok bool, format string, a ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, a...))
		}
	}
	if s.StateDir == "" {
		s.StateDir = filepath.Join(".countersign", roles.dir())
	}
	if s.KafkaPartitions == 0 {
		s.KafkaPartitions = 16
		if s.embeddedKafka() {
			s.KafkaPartitions = 4
		}
	}
	if s.ReplicationFactor == 0 {
		s.ReplicationFactor = 3
		if s.embeddedKafka() {
			s.ReplicationFactor = 1
		}
	}
	if host, _, _ := net.SplitHostPort(s.HTTPAddr); alone && s.PublicURL == "" && host != "" && !net.ParseIP(host).IsUnspecified() {
		s.PublicURL = "http://" + s.HTTPAddr // else nobody can guess by which name people reach it
	}
	if alone && s.embeddedInbox() && s.MailFrom == "" {
		s.MailFrom = exampleSender
	}
	need(alone || !s.embeddedKafka(), "KAFKA_BROKER_LIST must be set to host:port,… ; only 'countersign run' brings a broker of its own")
	need(s.KafkaPartitions > 0, "KAFKA_PARTITIONS must be 1 or more")
	need(s.ReplicationFactor > 0, "REPLICATION_FACTOR must be 1 or more")
	need(!s.embeddedKafka() || s.ReplicationFactor == 1, "REPLICATION_FACTOR must be 1 with the embedded broker, which is one")
	security := s.kafkaSecurity()
	if err := security.Validate(); err != nil {
		need(false, "%w", err)
	}
	need(!s.embeddedKafka() || security == stream.Security{}, "KAFKA_BROKER_LIST must be set with KAFKA_TLS or KAFKA_SASL_MECHANISM: the embedded broker knows neither")
	need(security.Mechanism != "PLAIN" || security.TLS || !slices.ContainsFunc(s.KafkaBrokerList, func(addr string) bool { return !loopback(addr) }),
		"KAFKA_TLS must be true for KAFKA_SASL_MECHANISM=PLAIN beyond loopback: it sends the password as it is")
	need(stream.Guarantee(s.ProcessingGuarantee) == stream.ExactlyOnce || stream.Guarantee(s.ProcessingGuarantee) == stream.AtLeastOnce,
		"PROCESSING_GUARANTEE must be %s or %s", stream.ExactlyOnce, stream.AtLeastOnce)
	need(instanceID.MatchString(s.InstanceID), "INSTANCE_ID must have at most 64 letters, digits, dots, - or _")
	need(s.LogFormat == "text" || s.LogFormat == "json", "LOG_FORMAT must be text or json")
	need(s.InternalToken != "" || loopback(s.InternalAddr), "INTERNAL_TOKEN must be set where INTERNAL_ADDR is not on loopback")
	for _, token := range []struct{ name, value string }{{"INTERNAL_TOKEN", s.InternalToken}, {"OPERATOR_TOKEN", s.OperatorToken}} {
		need(token.value == "" || len(token.value) >= minToken, "%s must have %d characters or more, from a random source", token.name, minToken)
	}
	need(s.OperatorToken == "" || s.OperatorToken != s.InternalToken, "OPERATOR_TOKEN must differ from INTERNAL_TOKEN: one changes, the other only reads")
	if _, _, err := s.clients(); err != nil {
		need(false, "%w", err)
	}
	need(s.DomainMails > 0, "DOMAIN_MAILS_PER_HOUR must be 1 or more")
	for _, origin := range s.CORSOrigins {
		need(isOrigin(origin), "CORS_ORIGINS must name sites like https://www.example.com, without a path, the usual port or *: %q is none", origin)
	}
	if roles.Notifier || s.PublicURL != "" {
		u, err := url.Parse(s.PublicURL)
		need(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "",
			"PUBLIC_URL must be set to where people reach the api, like https://verify.example.com")
		s.PublicURL = strings.TrimRight(s.PublicURL, "/")
	}
	if roles.Notifier {
		need(alone || s.SMTPURL != "", "SMTP_URL must be set to smtp://user:pass@host:587 or smtps://… for the notifier")
		need(s.MailFrom != "", "MAIL_FROM must be set to the sender of the mails, like Example <no-reply@example.com>")
		need(s.SMTPPool > 0 && s.SMTPPool <= 1000, "SMTP_POOL must be between 1 and 1000")
		need(s.MailRate == 0 || s.MailRate >= 0.01 && s.MailRate <= 100_000, "MAIL_RATE must be mails a second between 0.01 and 100000, or 0 for no limit")
		need(namesRelays(s.SMTPInsecure), "SMTP_INSECURE must be true, false, or a relay's host without its port")
		need(s.SMTPHello == "" || !s.embeddedInbox(), "SMTP_URL must be set with SMTP_HELLO: the embedded inbox does not ask")
		need(s.SMTPCAFile == "" || !s.embeddedInbox(), "SMTP_URL must be set with SMTP_CA_FILE: the embedded inbox speaks no TLS")
		var err error
		if s.SMTPURL != "" {
			s.relay, err = s.newRelay(s.SMTPURL)
			need(err == nil, "%w", err)
		}
		if s.MailFrom != "" {
			s.composer, err = s.newComposer()
			need(err == nil, "%w", err)
		}
	}
	if s.needsSecrets(roles) && !(alone && s.embeddedKafka()) {
		need(s.Secrets != "", "COUNTERSIGN_SECRETS must be set, the same for every api and notifier, and for users with EVENTS_INCLUDE_CODE; 'countersign secret' makes one")
	}
	need(s.SweepAfterSeconds > 0, "SWEEP_AFTER_SECONDS must be 1 or more")
	low, top := user.MinPolicy(), user.MaxPolicy()
	for _, limit := range []struct {
		name            string
		value, min, max int
	}{
		{"CODE_TTL_SECONDS", s.CodeTTLSeconds, low.CodeTTLSeconds, top.CodeTTLSeconds},
		{"CODE_TRIES", s.CodeTries, low.Tries, top.Tries},
		{"MAIL_INTERVAL_SECONDS", s.MailIntervalSeconds, low.MailIntervalSeconds, top.MailIntervalSeconds},
		{"MAILS_PER_HOUR", s.MailsPerHour, low.MailsPerHour, top.MailsPerHour},
		{"MAILS_PER_DAY", s.MailsPerDay, low.MailsPerDay, top.MailsPerDay},
		{"MAILS_PER_CLIENT", s.MailsPerClient, low.MailsPerClient, top.MailsPerClient},
		{"FAILURES_BEFORE_LOCK", s.FailuresBeforeLock, low.FailuresBeforeLock, top.FailuresBeforeLock},
		{"UNVERIFIED_HOURS", s.UnverifiedHours, low.UnverifiedHours, top.UnverifiedHours},
	} {
		need(limit.value >= limit.min && limit.value <= limit.max, "%s must be between %d and %d", limit.name, limit.min, limit.max)
	}
	need(s.MailsPerHour <= s.MailsPerDay, "MAILS_PER_HOUR must be at most MAILS_PER_DAY: it would never hold")
	need(s.MailsPerClient <= s.MailsPerDay, "MAILS_PER_CLIENT must be at most MAILS_PER_DAY: it would never hold")
	return errors.Join(wrong...)
}

// needsSecrets says whether a role makes codes or checks guesses.
func (s *Settings) needsSecrets(roles Roles) bool {
	return roles.API || roles.Notifier || s.EventsIncludeCode
}

// newRelay is the SMTP server at url.
func (s *Settings) newRelay(url string) (*mail.Relay, error) {
	config := mail.RelayConfig{URL: url, Insecure: s.insecure(url), Hello: s.SMTPHello}
	if s.SMTPCAFile != "" {
		authorities, err := os.ReadFile(s.SMTPCAFile)
		if err != nil {
			return nil, fmt.Errorf("SMTP_CA_FILE: %w", err)
		}
		config.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		if !config.TLS.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, errors.New("SMTP_CA_FILE must hold certificates (PEM)")
		}
	}
	return mail.NewRelay(config)
}

// insecure says whether a relay may be spoken to in clear: any, or the one that SMTP_INSECURE names.
func (s *Settings) insecure(relay string) bool {
	if every, err := strconv.ParseBool(s.SMTPInsecure); err == nil {
		return every
	}
	return strings.EqualFold(hostOf(relay), s.SMTPInsecure)
}

// namesRelays says whether SMTP_INSECURE can be read. A yes or an off is no host: it is a switch that was meant.
func namesRelays(insecure string) bool {
	switch strings.ToLower(insecure) {
	case "", "y", "yes", "n", "no", "on", "off":
		return false
	}
	return hostOf("smtp://"+insecure) == insecure || net.ParseIP(insecure) != nil
}

// hostOf is the host in a URL without its port, empty if it has none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func (s *Settings) newComposer() (*mail.Composer, error) {
	return mail.NewComposer(mail.ComposerConfig{
		From: s.MailFrom, ReplyTo: s.MailReplyTo, TemplateDir: s.TemplateDir,
		Product: s.MailProduct, Color: s.MailColor, Logo: s.MailLogo, Support: s.MailSupport,
	})
}

// kafka is how a process uses its cluster.
func (s *Settings) kafka(log logrus.FieldLogger) stream.Config {
	return stream.Config{
		Brokers: s.KafkaBrokerList, Instance: s.InstanceID, Dir: filepath.Join(s.StateDir, "stores"),
		Guarantee: stream.Guarantee(s.ProcessingGuarantee), Hasher: topics.Hasher,
		HotStandby: s.HotStandby, RecoverAhead: s.RecoverAhead,
		Compression: s.KafkaCompression, Replication: s.ReplicationFactor, Security: s.kafkaSecurity(), Log: log,
	}
}

// kafkaSecurity is how the brokers are spoken to.
func (s *Settings) kafkaSecurity() stream.Security {
	return stream.Security{
		TLS: s.KafkaTLS, CAFile: s.KafkaTLSCAFile, CertFile: s.KafkaTLSCertFile, KeyFile: s.KafkaTLSKeyFile, ServerName: s.KafkaTLSServerName,
		Mechanism: s.KafkaSASLMechanism, Username: s.KafkaSASLUsername, Password: s.KafkaSASLPassword,
	}
}

func (s *Settings) policy() user.Policy {
	return user.Policy{
		CodeTTLSeconds: s.CodeTTLSeconds, Tries: s.CodeTries, MailIntervalSeconds: s.MailIntervalSeconds,
		MailsPerHour: s.MailsPerHour, MailsPerDay: s.MailsPerDay, MailsPerClient: s.MailsPerClient,
		FailuresBeforeLock: s.FailuresBeforeLock, UnverifiedHours: s.UnverifiedHours,
	}
}

// clients returns how many commands a minute one may send, -1 for any number, and the networks of the proxies that
// speak for them; an address alone is a network of one.
func (s *Settings) clients() (rate int, proxies []netip.Prefix, err error) {
	rate, err = strconv.Atoi(s.RateLimit)
	switch {
	case s.RateLimit == "off":
		rate = -1
	case err != nil || rate < 1 || rate > maxRateLimit:
		return 0, nil, fmt.Errorf("RATE_LIMIT must be off, or between 1 and %d", maxRateLimit)
	}
	for _, text := range s.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if addr, e := netip.ParseAddr(text); e == nil {
			network, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || network.Addr().Is4In6() || network.Bits() < 8 {
			return 0, nil, fmt.Errorf("TRUSTED_PROXIES must be addresses, or networks like 10.0.0.0/8,2001:db8::/32 that are no greater than a /8: %q is neither", text)
		}
		if network != network.Masked() {
			return 0, nil, fmt.Errorf("TRUSTED_PROXIES must be networks: %v is an address within %v, which of them is meant?", network, network.Masked())
		}
		proxies = append(proxies, network)
	}
	return rate, proxies, nil
}

// isOrigin says whether text is what browsers send as Origin (RFC 6454 §6.2) of a site.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	usual := map[string]string{"http": "80", "https": "443"} // browsers leave it out
	if err != nil || usual[u.Scheme] == "" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return false
	}
	return u.Port() != usual[u.Scheme] && !strings.HasSuffix(text, ":") && !strings.Contains(text, "*")
}

func (s *Settings) logger() (*logrus.Logger, error) {
	level, err := logrus.ParseLevel(s.LogLevel)
	if err != nil {
		return nil, errors.New("LOG_LEVEL must be debug, info, warn or error")
	}
	log := logrus.New()
	log.SetLevel(level)
	if s.LogFormat == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	}
	return log, nil
}

// dir is the role's folder under the default STATE_DIR.
func (r Roles) dir() string {
	if names := r.names(); len(names) == 1 {
		return names[0]
	}
	return ""
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// NewSecret makes a value for COUNTERSIGN_SECRETS.
func NewSecret() string {
	var id [4]byte
	var key [user.MinSecretSize]byte
	rand.Read(id[:])
	rand.Read(key[:])
	return fmt.Sprintf("%x:%s", id, base64.StdEncoding.EncodeToString(key[:]))
}
