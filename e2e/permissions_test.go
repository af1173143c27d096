package e2e

// Brokers that want TLS and a login and keep access lists: those of .ci/kafka --secure, else the embedded broker's
// protocol with all three. Every role logs in as a user of its own, who may do what docs/permissions.md says and no more.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	password     = "admin-secret" // the administrator's, as in .ci/kafka
	refuseWithin = 15 * time.Second
)

// guarded are the brokers, and their administrator.
type guarded struct {
	env   map[string]string // for the administrator's processes
	admin *kadm.Client
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{env: map[string]string{
		"KAFKA_TLS": "true", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "KAFKA_SASL_USERNAME": "admin", "KAFKA_SASL_PASSWORD": password,
		"KAFKA_PARTITIONS": "4", "REPLICATION_FACTOR": "1",
	}}
	if os.Getenv("KAFKA_SASL_USERNAME") != "" {
		g.env["KAFKA_BROKER_LIST"], g.env["KAFKA_TLS_CA_FILE"] = brokerList(), os.Getenv("KAFKA_TLS_CA_FILE")
	} else {
		web := httptest.NewTLSServer(http.NotFoundHandler()) // has a certificate
		web.Close()
		kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
			kfake.Superuser("SCRAM-SHA-512", "admin", password), kfake.TLS(&tls.Config{Certificates: web.TLS.Certificates}))
		check(t, err)
		t.Cleanup(kafka.Close)
		g.env["KAFKA_BROKER_LIST"], g.env["KAFKA_TLS_CA_FILE"] = kafka.ListenAddrs()[0], filepath.Join(t.TempDir(), "ca.pem")
		block := &pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}
		check(t, os.WriteFile(g.env["KAFKA_TLS_CA_FILE"], pem.EncodeToMemory(block), 0o600))
	}
	authority, err := os.ReadFile(g.env["KAFKA_TLS_CA_FILE"])
	check(t, err)
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(authority)
	client, err := kgo.NewClient(kgo.SeedBrokers(g.env["KAFKA_BROKER_LIST"]), kgo.DialTLSConfig(config),
		kgo.SASL(scram.Auth{User: "admin", Pass: password}.AsSha512Mechanism()))
	check(t, err)
	g.admin = kadm.NewClient(client)
	t.Cleanup(g.admin.Close)
	return g
}

// as are the settings of a process that logs in as the user.
func (g *guarded) as(user string, mails *mailbox) map[string]string {
	env := settings(mails, g.env)
	env["KAFKA_SASL_USERNAME"] = user
	return env
}

// documented are the permissions of docs/permissions.md by user.
func documented(t *testing.T) map[string][]*kadm.ACLBuilder {
	t.Helper()
	page, err := os.ReadFile("../docs/permissions.md")
	check(t, err)
	word := regexp.MustCompile("`([^`]+)`")
	words := func(cell string) (all []string) {
		for _, found := range word.FindAllStringSubmatch(cell, -1) {
			all = append(all, found[1])
		}
		return all
	}
	of := map[string][]*kadm.ACLBuilder{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || len(words(line)) == 0 {
			continue
		}
		var operations []kadm.ACLOperation
		for _, name := range words(cells[2]) {
			operation, err := kmsg.ParseACLOperation(name)
			check(t, err)
			operations = append(operations, operation)
		}
		for _, user := range words(cells[1]) {
			acl := kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(operations...).ResourcePatternType(kadm.ACLPatternLiteral)
			switch on := strings.TrimSpace(cells[3]); {
			case strings.HasPrefix(on, "topics"):
				acl.Topics(words(on)...)
			case strings.HasPrefix(on, "groups"):
				acl.Groups(words(on)...)
			case strings.HasPrefix(on, "transactional ids that begin with"):
				acl.TransactionalIDs(words(on)...).ResourcePatternType(kadm.ACLPatternPrefixed)
			default:
				t.Fatalf("docs/permissions.md: %q is on nothing known", on)
			}
			of[user] = append(of[user], acl)
		}
	}
	return of
}

// admit makes a user with the permissions.
func (g *guarded) admit(t *testing.T, user string, permissions []*kadm.ACLBuilder) {
	t.Helper()
	login := kadm.UpsertSCRAM{User: user, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password}
	made, err := g.admin.AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{login})
	check(t, err)
	check(t, made.Error())
	for _, acl := range permissions {
		granted, err := g.admin.CreateACLs(t.Context(), acl)
		check(t, err)
		for _, one := range granted {
			check(t, one.Err)
		}
		t.Cleanup(func() {
			if _, err := g.admin.DeleteACLs(context.Background(), acl); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSecuredBrokers_EachRoleWithNoMoreThanIsDocumented_RegistersMailsAndVerifies(t *testing.T) {
	g := newGuarded(t)
	mails := newMailbox(t)
	mails.open(t)
	topics := newProcess(t, g.env, "topics", "apply").start(t)
	if code, output := topics.end(t); code != 0 {
		t.Fatalf("topics apply: exit code %d\n%s", code, output)
	}
	s := &system{mails: mails}
	for role, permissions := range documented(t) {
		g.admit(t, role, permissions)
		p := newProcess(t, g.as(role, mails), "serve", role).start(t)
		if s.users = append(s.users, p); role == "api" {
			s.apis = append(s.apis, p)
		}
	}
	for _, p := range s.users {
		p.awaitReady(t)
	}
	ada := newPerson(0)
	check(t, ada.proves(t.Context(), s))
	_, err := mails.await(t.Context(), ada.address, accountVerified)
	check(t, err)
	for _, p := range s.users {
		if log := p.log.String(); strings.Contains(log, "AUTHORIZATION_FAILED") || strings.Contains(log, password) {
			t.Errorf("%s wrote:\n%s", p.name, log)
		}
	}
}

func TestSecuredBrokers_OtherwiseThanTheyWant_TheStartEndsWithOneLine(t *testing.T) {
	g := newGuarded(t)
	mails := newMailbox(t)
	topics := newProcess(t, g.env, "topics", "apply").start(t)
	if code, output := topics.end(t); code != 0 {
		t.Fatalf("topics apply: exit code %d\n%s", code, output)
	}
	g.admit(t, "users", documented(t)["users"][:1])
	for name, test := range map[string]struct {
		change map[string]string
		want   string
	}{
		"InClear":         {map[string]string{"KAFKA_TLS": "false", "KAFKA_TLS_CA_FILE": ""}, "KAFKA_TLS must be true"},
		"WrongPassword":   {map[string]string{"KAFKA_SASL_PASSWORD": "wrong-secret"}, "KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD "},
		"NoLogin":         {map[string]string{"KAFKA_SASL_MECHANISM": "", "KAFKA_SASL_USERNAME": "", "KAFKA_SASL_PASSWORD": ""}, "KAFKA_SASL_MECHANISM must be set"},
		"NoSuchAuthority": {map[string]string{"KAFKA_TLS_CA_FILE": "missing.pem"}, "KAFKA_TLS_CA_FILE: open missing.pem"},
		"OtherPartitions": {map[string]string{"KAFKA_PARTITIONS": "5"}, "set KAFKA_PARTITIONS=4"},
		"NoPermission":    {map[string]string{"KAFKA_SASL_USERNAME": "users"}, "--operation Read --topic user_commands"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := g.as("admin", mails)
			maps.Copy(env, test.change)
			began := time.Now()
			code, output := newProcess(t, env, "serve", "users").start(t).end(t)
			if took := time.Since(began); code != 1 || !strings.Contains(output, test.want) || took > refuseWithin {
				t.Errorf("exit code %d after %v, and it said:\n%s", code, took, output)
			}
			if strings.Contains(output, "-secret") {
				t.Errorf("it tells a password:\n%s", output)
			}
		})
	}
}
