package stream

// What is held here:
//   - every client speaks to the brokers in the same way, by options made in one place;
//   - what is half given, cannot be read or is not known is refused before anything is sent, by its setting's name;
//   - certificates are always verified; a client certificate that is renewed on disk is shown from the next connection on;
//   - no password is in an error.

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Security is how the brokers are spoken to. The zero value speaks in clear, as nobody.
type Security struct {
	// TLS is whether to speak TLS (1.2 or later). The fields of TLS need it.
	TLS bool
	// CAFile holds the authorities that may have signed the brokers' certificates (PEM). Defaults to the system's.
	CAFile string
	// CertFile and KeyFile are the certificate to show and its key (PEM), both or neither. Defaults to none.
	CertFile, KeyFile string
	// ServerName is what the brokers' certificates must be for. Defaults to each broker's host.
	ServerName string
	// Mechanism of SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. Defaults to none. With it go Username and Password.
	Mechanism string
	// Username and Password to log in with.
	Username, Password string
}

// Validate says what is wrong with the settings, in one line that names one. It reads the files.
func (s Security) Validate() error {
	_, err := s.options()
	return err
}

// options of every client.
func (s Security) options() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	config, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	if config != nil {
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	mechanism, err := s.login()
	if err != nil {
		return nil, err
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

func (s Security) tlsConfig() (*tls.Config, error) {
	for _, of := range []struct{ setting, value string }{
		{"KAFKA_TLS_CA_FILE", s.CAFile},
		{"KAFKA_TLS_CERT_FILE", s.CertFile},
		{"KAFKA_TLS_KEY_FILE", s.KeyFile},
		{"KAFKA_TLS_SERVER_NAME", s.ServerName},
	} {
		if of.value != "" && !s.TLS {
			return nil, fmt.Errorf("%s is set, but KAFKA_TLS is not: set KAFKA_TLS=true", of.setting)
		}
	}
	if !s.TLS {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName}
	if s.CAFile != "" {
		authorities, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("KAFKA_TLS_CA_FILE: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("KAFKA_TLS_CA_FILE: no certificate in %s: want PEM", s.CAFile)
		}
	}
	switch {
	case s.CertFile == "" && s.KeyFile == "":
		return config, nil
	case s.KeyFile == "":
		return nil, errors.New("KAFKA_TLS_KEY_FILE must be set with KAFKA_TLS_CERT_FILE: the certificate's key")
	case s.CertFile == "":
		return nil, errors.New("KAFKA_TLS_CERT_FILE must be set with KAFKA_TLS_KEY_FILE: the key's certificate")
	}
	if _, err := s.certificate(nil); err != nil {
		return nil, fmt.Errorf("KAFKA_TLS_CERT_FILE, KAFKA_TLS_KEY_FILE: %w", err)
	}
	config.GetClientCertificate = s.certificate
	return config, nil
}

// certificate is read for each connection.
func (s Security) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	return &pair, err
}

func (s Security) login() (sasl.Mechanism, error) {
	mechanisms := map[string]sasl.Mechanism{
		"PLAIN":         plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism(),
		"SCRAM-SHA-256": scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism(),
		"SCRAM-SHA-512": scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism(),
	}
	mechanism := mechanisms[s.Mechanism]
	switch {
	case s.Mechanism == "" && s.Username == "" && s.Password == "":
		return nil, nil
	case mechanism == nil:
		return nil, fmt.Errorf("KAFKA_SASL_MECHANISM is %q: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
	case s.Username == "":
		return nil, errors.New("KAFKA_SASL_USERNAME must be set with KAFKA_SASL_MECHANISM")
	case s.Password == "":
		return nil, errors.New("KAFKA_SASL_PASSWORD must be set with KAFKA_SASL_MECHANISM")
	}
	return mechanism, nil
}
