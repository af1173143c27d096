package stream

// Brokers that want TLS and a login and keep access lists: the embedded one, or the real one of .ci/kafka --secure.

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twmb/franz-go/pkg/kfake"
)

// guarded brokers; their files are called as .ci/kafka calls them.
type guarded struct {
	t       *testing.T
	brokers []string
	dir     string // ca.pem, client.pem, client.key
}

const password = "admin-secret" // the administrator's, as in .ci/kafka

func newGuarded(t *testing.T, opts ...kfake.Opt) *guarded {
	t.Helper()
	if os.Getenv("KAFKA_SASL_USERNAME") != "" && len(opts) == 0 {
		return &guarded{t, strings.Split(os.Getenv("KAFKA_BROKER_LIST"), ","), os.Getenv("KAFKA_DIR")}
	}
	g := &guarded{t: t, dir: t.TempDir()}
	kafka, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.TLS(certify(t, g.dir)), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", password),
		kfake.Superuser("SCRAM-SHA-256", "admin", password), kfake.Superuser("SCRAM-SHA-512", "admin", password),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	g.brokers = kafka.ListenAddrs()
	return g
}

// security of the administrator.
func (g *guarded) security() Security {
	return Security{TLS: true, CAFile: filepath.Join(g.dir, "ca.pem"), Mechanism: "SCRAM-SHA-512", Username: "admin", Password: password}
}

// dial connects with what is changed of the administrator's security.
func (g *guarded) dial(change func(*Security)) (*Cluster, error) {
	s := g.security()
	change(&s)
	log := logrus.New()
	log.SetOutput(g.t.Output())
	ctx, cancel := context.WithTimeout(g.t.Context(), lookTimeout+2*time.Second) // a look that is not answered, and why
	defer cancel()
	c, err := Dial(ctx, Config{
		Brokers: g.brokers, Instance: cmp.Or(s.Username, "a"), Dir: g.t.TempDir(), Hasher: newHasher, Log: log, Security: s,
	})
	if err == nil {
		g.t.Cleanup(c.Close)
	}
	return c, err
}

// certify makes an authority and what it has signed: for a broker, which is returned, and for a client.
func certify(t *testing.T, dir string) *tls.Config {
	t.Helper()
	until := time.Now().Add(time.Hour)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := make(map[string]*ecdsa.PrivateKey)
	sign := func(name string, cert *x509.Certificate) {
		var err error
		if key[name], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
		signed, err := x509.CreateCertificate(rand.Reader, cert, authority, key[name].Public(), key["ca"])
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key[name])
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{
			name + ".pem": {Type: "CERTIFICATE", Bytes: signed}, name + ".key": {Type: "PRIVATE KEY", Bytes: private},
		} {
			if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	sign("ca", authority)
	for i, name := range []string{"broker", "client"} {
		sign(name, &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 2)), Subject: pkix.Name{CommonName: name}, NotAfter: until,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		})
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "broker.pem"), filepath.Join(dir, "broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(authorityOf(t, dir))
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: clients}
}

func authorityOf(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}
