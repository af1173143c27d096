package stream

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestDial_BrokersWantTLSAndALogin_WithBothItSucceeds(t *testing.T) {
	g := newGuarded(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		if _, err := g.dial(func(s *Security) { s.Mechanism = mechanism }); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
}

func TestDial_SpokenToOtherwiseThanTheBrokersWant_NamesTheSettingInOneLine(t *testing.T) {
	g := newGuarded(t)
	for name, test := range map[string]struct {
		change func(*Security)
		want   string
	}{
		"InClear":          {func(s *Security) { *s = Security{} }, "KAFKA_TLS must be true"},
		"LoginInClear":     {func(s *Security) { s.TLS, s.CAFile = false, "" }, "KAFKA_TLS must be true"},
		"UnknownAuthority": {func(s *Security) { s.CAFile = "" }, "KAFKA_TLS_CA_FILE"},
		"AnotherName":      {func(s *Security) { s.ServerName = "other.example" }, "KAFKA_TLS_SERVER_NAME"},
		"NoLogin":          {func(s *Security) { *s = Security{TLS: true, CAFile: s.CAFile} }, "KAFKA_SASL_MECHANISM must be set, the brokers want a login: they offer "},
		"WrongPassword":    {func(s *Security) { s.Password = "wrong-secret" }, "KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD "},
		"UnknownUser":      {func(s *Security) { s.Username = "nobody" }, "KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD "},
		"WrongPLAIN":       {func(s *Security) { s.Mechanism, s.Password = "PLAIN", "wrong-secret" }, "KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := g.dial(test.change)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("err = %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "-secret") {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestDial_BrokersWantACertificate_NamesItsSetting(t *testing.T) {
	dir := t.TempDir()
	config := certify(t, dir)
	config.ClientAuth = tls.RequireAndVerifyClientCert
	g := newGuarded(t, kfake.TLS(config))
	g.dir = dir
	if _, err := g.dial(func(*Security) {}); err == nil || !strings.HasPrefix(err.Error(), "KAFKA_TLS_CERT_FILE must be set") {
		t.Errorf("without one: %v", err)
	}
	show := func(dir string) func(*Security) {
		return func(s *Security) {
			s.CertFile, s.KeyFile = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
		}
	}
	stranger := t.TempDir()
	certify(t, stranger)
	if _, err := g.dial(show(stranger)); err == nil || !strings.HasPrefix(err.Error(), "KAFKA_TLS_CERT_FILE is not") {
		t.Errorf("with a stranger's: %v", err)
	}
	if _, err := g.dial(show(dir)); err != nil {
		t.Error(err)
	}
}

func TestDial_BrokersSpeakInClearAndKnowNobody_NamesTheSetting(t *testing.T) {
	if os.Getenv("KAFKA_BROKER_LIST") == "" {
		t.Skip("the embedded broker takes a TLS handshake for a request of 350 MB, and waits for it")
	}
	brokers := newWorld(t, ExactlyOnce).brokers
	for want, s := range map[string]Security{
		"KAFKA_TLS is true, but": {TLS: true},
		"KAFKA_SASL_MECHANISM is SCRAM-SHA-512, but the brokers want no login": {
			Mechanism: "SCRAM-SHA-512", Username: "admin", Password: "x",
		},
	} {
		if err := dialWith(t, Config{Brokers: brokers, Security: s}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
}
