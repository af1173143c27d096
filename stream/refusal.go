package stream

// What is held here:
//   - brokers that want to be spoken to otherwise are told from brokers that are away, by a line that names the setting;
//   - what trying again cannot mend is not tried again: a wrong password that is repeated locks accounts.

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refusal says in one line why no broker talks to us, and whether that is final.
func (c *Cluster) refusal(ctx context.Context, err error) (line error, final bool) {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("KAFKA_TLS_CA_FILE must hold the authority that signed the brokers' certificate: %w", err), true
	case errors.As(err, &host):
		return fmt.Errorf("KAFKA_TLS_SERVER_NAME must be what the brokers' certificate is for: %w", err), true
	case errors.As(err, &invalid):
		return fmt.Errorf("the certificate of the brokers in KAFKA_BROKER_LIST is not valid: %w", err), true
	case errors.As(err, &op) && op.Op == "remote error":
		if c.cfg.Security.CertFile == "" {
			return fmt.Errorf("KAFKA_TLS_CERT_FILE must be set, the brokers want a certificate: %w", err), true
		}
		return fmt.Errorf("KAFKA_TLS_CERT_FILE is not a certificate that the brokers accept: %w", err), true
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("no broker of KAFKA_BROKER_LIST=%s answers: %w", strings.Join(c.cfg.Brokers, ","), err), false
	}
	return c.loginRefusal(ctx, err)
}

// loginRefusal is refusal where a connection comes about: the brokers are asked how they want to be logged in to.
func (c *Cluster) loginRefusal(ctx context.Context, err error) (line error, final bool) {
	s := c.cfg.Security
	offered, silent := c.mechanisms(ctx)
	list := strings.Join(offered, ", ")
	switch {
	case len(offered) > 0 && s.Mechanism == "":
		return fmt.Errorf("KAFKA_SASL_MECHANISM must be set, the brokers want a login: they offer %s", list), true
	case len(offered) > 0 && !slices.Contains(offered, s.Mechanism):
		return fmt.Errorf("KAFKA_SASL_MECHANISM is %s, but the brokers offer %s", s.Mechanism, list), true
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return fmt.Errorf("KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is wrong, the brokers refuse %s: %w", s.Username, err), true
	case len(offered) > 0 && errors.Is(err, io.EOF): // as the embedded broker does it, and a broker that is going away
		return fmt.Errorf("KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD may be wrong, the brokers hang up on %s: %w", s.Username, err), false
	case errors.Is(err, kerr.IllegalSaslState):
		return fmt.Errorf("KAFKA_SASL_MECHANISM is %s, but the brokers want no login: %w", s.Mechanism, err), true
	case s.TLS && silent != nil:
		return fmt.Errorf("KAFKA_TLS is true, but no broker of KAFKA_BROKER_LIST=%s completes a TLS handshake: %w",
			strings.Join(c.cfg.Brokers, ","), err), false
	case !s.TLS && silent != nil && !errors.Is(err, context.DeadlineExceeded):
		certain := strings.Contains(err.Error(), "tls alert") // in the place of Kafka's answer
		return fmt.Errorf("KAFKA_TLS must be true if the brokers want TLS, in clear they do not answer: %w", err), certain
	}
	return fmt.Errorf("no broker of KAFKA_BROKER_LIST=%s answers: %w", strings.Join(c.cfg.Brokers, ","), err), false
}

// mechanisms asks the brokers how one may log in, without logging in. None: they want no login, or there is an error.
func (c *Cluster) mechanisms(ctx context.Context) ([]string, error) {
	secure, err := Security{
		TLS: c.cfg.Security.TLS, CAFile: c.cfg.Security.CAFile, ServerName: c.cfg.Security.ServerName,
		CertFile: c.cfg.Security.CertFile, KeyFile: c.cfg.Security.KeyFile,
	}.options()
	if err != nil {
		return nil, err
	}
	stranger := &Cluster{cfg: c.cfg, secure: secure, log: c.log, said: c.said}
	cl, err := stranger.newClient("stranger", kgo.RequestRetries(0))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Mechanism = "none" // the refusal lists those there are
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	return resp.SupportedMechanisms, nil
}
