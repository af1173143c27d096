package stream

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecurity_HalfGivenUnreadableOrUnknown_IsRefusedByTheNameOfTheSetting(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("text"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key := in("client.pem"), in("client.key")
	for _, c := range []struct {
		security Security
		want     string
	}{
		{Security{CAFile: in("ca.pem")}, "KAFKA_TLS_CA_FILE is set, but KAFKA_TLS is not"},
		{Security{CertFile: cert, KeyFile: key}, "KAFKA_TLS_CERT_FILE is set, but KAFKA_TLS is not"},
		{Security{ServerName: "x"}, "KAFKA_TLS_SERVER_NAME is set, but KAFKA_TLS is not"},
		{Security{TLS: true, CAFile: in("missing")}, "KAFKA_TLS_CA_FILE: open"},
		{Security{TLS: true, CAFile: in("text")}, "KAFKA_TLS_CA_FILE: no certificate"},
		{Security{TLS: true, CertFile: cert}, "KAFKA_TLS_KEY_FILE must be set"},
		{Security{TLS: true, KeyFile: key}, "KAFKA_TLS_CERT_FILE must be set"},
		{Security{TLS: true, CertFile: cert, KeyFile: in("missing")}, "KAFKA_TLS_CERT_FILE, KAFKA_TLS_KEY_FILE: open"},
		{Security{TLS: true, CertFile: cert, KeyFile: in("broker.key")}, "KAFKA_TLS_CERT_FILE, KAFKA_TLS_KEY_FILE: tls: private key"},
		{Security{Mechanism: "GSSAPI", Username: "u", Password: "p-secret"}, `KAFKA_SASL_MECHANISM is "GSSAPI": want`},
		{Security{Username: "u", Password: "p-secret"}, `KAFKA_SASL_MECHANISM is "": want`},
		{Security{Mechanism: "PLAIN", Password: "p-secret"}, "KAFKA_SASL_USERNAME must be set"},
		{Security{Mechanism: "PLAIN", Username: "u"}, "KAFKA_SASL_PASSWORD must be set"},
	} {
		err := c.security.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), c.want) ||
			strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "p-secret") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, s := range []Security{
		{},
		{TLS: true},
		{TLS: true, CAFile: in("ca.pem"), CertFile: cert, KeyFile: key, ServerName: "x"},
		{Mechanism: "SCRAM-SHA-256", Username: "u", Password: "p"},
	} {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
}
