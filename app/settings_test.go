package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"countersign/user"
)

// settings as they are when the command line, the environment and .env name only these.
func settings(t *testing.T, args ...string) Settings {
	t.Helper()
	var cli struct {
		Settings `embed:""`
	}
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return cli.Settings
}

func TestSettings_OfRun_NeedNothing(t *testing.T) {
	s := settings(t)
	if err := s.complete(everything); err != nil {
		t.Fatal(err)
	}
	if s.StateDir != ".countersign" || s.KafkaPartitions != 4 || s.ReplicationFactor != 1 || s.PublicURL != "http://127.0.0.1:8080" {
		t.Errorf("completed to %+v", s)
	}
	if s.policy() != user.DefaultPolicy() {
		t.Errorf("policy is %+v", s.policy())
	}
}

func TestSettings_OfARole_HaveItsDefaults(t *testing.T) {
	s := settings(t, "--kafka-broker-list=a:9092,b:9092")
	if err := s.complete(Roles{Users: true}); err != nil {
		t.Fatal(err)
	}
	if s.StateDir != filepath.Join(".countersign", "users") || s.KafkaPartitions != 16 || s.ReplicationFactor != 3 || len(s.KafkaBrokerList) != 2 {
		t.Errorf("completed to %+v", s)
	}
}

func TestSettings_ThatAreWrong_AreNamed(t *testing.T) {
	api, users, notifier := Roles{API: true}, Roles{Users: true}, Roles{Notifier: true}
	const kafka, secret = "--kafka-broker-list=a:9092", "--secrets=x"
	for _, c := range []struct {
		roles Roles
		args  []string
		want  string
	}{
		{users, nil, "KAFKA_BROKER_LIST"},
		{api, []string{kafka}, "COUNTERSIGN_SECRETS"},
		{users, []string{kafka, "--events-include-code"}, "COUNTERSIGN_SECRETS"},
		{everything, []string{kafka}, "COUNTERSIGN_SECRETS"},
		{notifier, []string{kafka, secret, "--public-url=http://x", "--mail-from=a@example.com"}, "SMTP_URL"},
		{notifier, []string{kafka, secret, "--public-url=http://x", "--smtp-url=smtp://127.0.0.1"}, "MAIL_FROM"},
		{notifier, []string{kafka, secret, "--smtp-url=smtp://127.0.0.1", "--mail-from=a@example.com"}, "PUBLIC_URL"},
		{everything, []string{"--public-url=verify.example.com"}, "PUBLIC_URL"},
		{everything, []string{"--http-addr=:8080"}, "PUBLIC_URL"},
		{everything, []string{"--http-addr="}, "HTTP_ADDR"},
		{everything, []string{"--internal-addr=silly"}, "INTERNAL_ADDR"},
		{everything, []string{"--instance-id=a b"}, "INSTANCE_ID"},
		{everything, []string{"--mail-from=silly"}, "MAIL_FROM"},
		{everything, []string{"--mail-reply-to=silly"}, "MAIL_REPLY_TO"},
		{everything, []string{"--mail-product=a\nb"}, "MAIL_PRODUCT"},
		{everything, []string{"--mail-color=red"}, "MAIL_COLOR"},
		{everything, []string{"--mail-logo=missing.png"}, "MAIL_LOGO"},
		{everything, []string{"--mail-support=silly"}, "MAIL_SUPPORT"},
		{everything, []string{"--template-dir=missing"}, "TEMPLATE_DIR"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=http://x"}, "SMTP_URL"},
		{everything, []string{"--http-addr=0.0.0.0:8080"}, "PUBLIC_URL"},
		{everything, []string{"--public-url=https://verify.example.com/?a=b"}, "PUBLIC_URL"},
		{everything, []string{"--replication-factor=3"}, "REPLICATION_FACTOR"},
		{everything, []string{kafka, secret, "--replication-factor=-1"}, "REPLICATION_FACTOR"},
		{everything, []string{"--kafka-partitions=-1"}, "KAFKA_PARTITIONS"},
		{users, []string{kafka, "--kafka-tls-ca-file=missing"}, "KAFKA_TLS_CA_FILE"},
		{users, []string{kafka, "--kafka-sasl-mechanism=PLAIN", "--kafka-sasl-username=u", "--kafka-sasl-password=p"}, "KAFKA_TLS"},
		{users, []string{kafka, "--kafka-sasl-mechanism=SCRAM-SHA-512", "--kafka-sasl-username=u"}, "KAFKA_SASL_PASSWORD"},
		{everything, []string{"--kafka-tls"}, "KAFKA_BROKER_LIST"},
		{everything, []string{"--processing-guarantee=maybe"}, "PROCESSING_GUARANTEE"},
		{everything, []string{"--log-format=xml"}, "LOG_FORMAT"},
		{everything, []string{"--internal-addr=0.0.0.0:8081"}, "INTERNAL_TOKEN"},
		{everything, []string{"--internal-addr=:8081"}, "INTERNAL_TOKEN"},
		{everything, []string{"--internal-token=0123456789abcdef", "--operator-token=0123456789abcdef"}, "OPERATOR_TOKEN must differ"},
		{everything, []string{"--internal-token=0123456789abcde"}, "INTERNAL_TOKEN must have 16"},
		{everything, []string{"--operator-token=0123456789abcde"}, "OPERATOR_TOKEN must have 16"},
		{everything, []string{"--smtp-pool=0"}, "SMTP_POOL"},
		{everything, []string{"--smtp-pool=1001"}, "SMTP_POOL"},
		{everything, []string{"--mail-rate=-1"}, "MAIL_RATE"},
		{everything, []string{"--mail-rate=0.001"}, "MAIL_RATE"},
		{everything, []string{"--mail-rate=NaN"}, "MAIL_RATE"},
		{everything, []string{"--smtp-ca-file=missing"}, "SMTP_URL"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=smtp://127.0.0.1", "--smtp-ca-file=missing"}, "SMTP_CA_FILE"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=smtp://127.0.0.1", "--smtp-ca-file=settings_test.go"}, "SMTP_CA_FILE"},
		{everything, []string{"--smtp-hello=mx.example.com"}, "SMTP_URL"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=smtp://127.0.0.1", "--smtp-hello=mx"}, "SMTP_HELLO"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=smtp://mailpit:1025", "--smtp-insecure=mailpit:1025"}, "SMTP_INSECURE"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=smtp://mailpit:1025", "--smtp-insecure="}, "SMTP_INSECURE"},
		{everything, []string{"--mail-from=a@example.com", "--smtp-url=smtp://mailpit:1025", "--smtp-insecure=Yes"}, "SMTP_INSECURE"},
		{everything, []string{"--rate-limit=0"}, "RATE_LIMIT"},
		{everything, []string{"--rate-limit=60/m"}, "RATE_LIMIT"},
		{everything, []string{"--domain-mails-per-hour=0"}, "DOMAIN_MAILS_PER_HOUR"},
		{everything, []string{"--trusted-proxies=10.0.0.0/8,proxy.example"}, "TRUSTED_PROXIES"},
		{everything, []string{"--trusted-proxies=0.0.0.0/0"}, "TRUSTED_PROXIES"},
		{everything, []string{"--trusted-proxies=::ffff:10.0.0.0/104"}, "TRUSTED_PROXIES"},
		{everything, []string{"--trusted-proxies=0.0.0.0/1,128.0.0.0/1"}, "TRUSTED_PROXIES"},
		{everything, []string{"--trusted-proxies=10.1.2.3/8"}, "TRUSTED_PROXIES"},
		{everything, []string{"--cors-origins=https://www.example.com:443"}, "CORS_ORIGINS"},
		{everything, []string{"--cors-origins=https://www.example.com:"}, "CORS_ORIGINS"},
		{everything, []string{"--cors-origins=*"}, "CORS_ORIGINS"},
		{everything, []string{"--cors-origins=https://*.example.com"}, "CORS_ORIGINS"},
		{everything, []string{"--cors-origins=https://example.com/"}, "CORS_ORIGINS"},
		{everything, []string{"--cors-origins=example.com"}, "CORS_ORIGINS"},
		{everything, []string{"--code-ttl-seconds=601"}, "CODE_TTL_SECONDS"},
		{everything, []string{"--code-ttl-seconds=119"}, "CODE_TTL_SECONDS"},
		{everything, []string{"--code-tries=11"}, "CODE_TRIES"},
		{everything, []string{"--mail-interval-seconds=0"}, "MAIL_INTERVAL_SECONDS"},
		{everything, []string{"--mails-per-hour=21", "--mails-per-day=50"}, "MAILS_PER_HOUR must be between"},
		{everything, []string{"--mails-per-hour=11"}, "MAILS_PER_HOUR must be at most MAILS_PER_DAY"},
		{everything, []string{"--mails-per-client=11"}, "MAILS_PER_CLIENT must be at most MAILS_PER_DAY"},
		{everything, []string{"--mails-per-day=51"}, "MAILS_PER_DAY"},
	} {
		s := settings(t, c.args...)
		err := s.complete(c.roles)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v %v: %v; want one line that begins with %s", c.roles, c.args, err, c.want)
		}
	}
}

func TestSettings_SpeakInClear_ToEveryRelay_OrToTheOneThatIsNamed(t *testing.T) {
	const relay, catcher = "smtp://user:pass@relay.example.com:587", "smtp://mailpit:1025"
	for args, want := range map[string]map[string]bool{
		"":                            {relay: false, catcher: false},
		"--smtp-insecure=false":       {relay: false, catcher: false},
		"--smtp-insecure=true":        {relay: true, catcher: true},
		"--smtp-insecure=mailpit":     {relay: false, catcher: true, "smtp://Mailpit": true, "smtp://mailpit.example.com": false},
		"--smtp-insecure=192.0.2.1":   {relay: false, "smtp://192.0.2.1:25": true},
		"--smtp-insecure=2001:db8::1": {relay: false, "smtp://[2001:db8::1]:25": true},
	} {
		s := settings(t, strings.Fields(args)...)
		if !namesRelays(s.SMTPInsecure) {
			t.Errorf("%s is refused", args)
		}
		for relay, inClear := range want {
			if s.insecure(relay) != inClear {
				t.Errorf("%s: %s is spoken to in clear: %v", args, relay, !inClear)
			}
		}
	}
}

func TestSettings_FromAFile_AreReadAndNotShown(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"COUNTERSIGN_SECRETS", "SMTP_URL", "SMTP_URL_FILE", "LOG_LEVEL"} {
		t.Setenv(name, "") // put back afterwards
		os.Unsetenv(name)
	}
	secret := NewSecret()
	if err := os.WriteFile("secret", []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(".env", []byte("LOG_LEVEL=debug\nSMTP_URL=smtp://from.env\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("COUNTERSIGN_SECRETS_FILE", "secret")
	t.Setenv("SMTP_URL", "smtp://from.environment")
	if err := LoadEnvironment(); err != nil {
		t.Fatal(err)
	}
	s := settings(t)
	if s.Secrets != secret || s.LogLevel != "debug" || s.SMTPURL != "smtp://from.environment" {
		t.Errorf("secret from its file: %v, log level %q, relay %q", s.Secrets == secret, s.LogLevel, s.SMTPURL)
	}
	if _, err := user.ParseSecrets(s.Secrets); err != nil {
		t.Error(err)
	}
	t.Setenv("SMTP_URL", "")
	t.Setenv("SMTP_URL_FILE", "missing")
	if err := LoadEnvironment(); err == nil || !strings.HasPrefix(err.Error(), "SMTP_URL_FILE") {
		t.Errorf("a file that is missing: %v", err)
	}
}
