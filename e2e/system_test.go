package e2e

// A whole Countersign:
//   - without a broker list, `countersign run`: one process that plays every role;
//   - with one, two processes of each role, started as a deployment would.

import (
	"maps"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"countersign/topics"
)

// secrets is the same in every test: on a broker that they share, one test's
// notifier may meet what an earlier one left.
const secrets = "e2e:Y291bnRlcnNpZ24gZW5kLXRvLWVuZCB0ZXN0cyBrZXk="

type system struct {
	apis, users, notifiers []*process
	mails                  *mailbox
	brokers                []string
}

// settings are what every process of a test gets.
func settings(mails *mailbox, more map[string]string) map[string]string {
	env := map[string]string{
		"COUNTERSIGN_SECRETS": secrets,
		"SMTP_URL":            mails.url,
		"MAIL_FROM":           "Countersign <no-reply@countersign.example>",
		"PUBLIC_URL":          "https://countersign.example",
		"RATE_LIMIT":          "off", // everybody here is one client
	}
	if brokerList() != "" {
		env["KAFKA_BROKER_LIST"] = brokerList()
		env["REPLICATION_FACTOR"] = "1"
	}
	maps.Copy(env, more)
	return env
}

// prepare makes the processes of a whole system that mails to the mailbox, and starts none of them.
func prepare(t *testing.T, mails *mailbox, more map[string]string) *system {
	t.Helper()
	env := settings(mails, more)
	if brokerList() == "" {
		p := newProcess(t, env, "run")
		all := []*process{p}
		return &system{apis: all, users: all, notifiers: all, mails: mails, brokers: []string{p.env["EMBEDDED_KAFKA_ADDR"]}}
	}
	two := func(role string) []*process {
		return []*process{newProcess(t, env, "serve", role), newProcess(t, env, "serve", role)}
	}
	return &system{apis: two("api"), users: two("users"), notifiers: two("notifier"), mails: mails, brokers: brokers()}
}

// start returns a whole system that is ready.
func start(t *testing.T, more map[string]string) *system {
	t.Helper()
	mails := newMailbox(t)
	mails.open(t)
	s := prepare(t, mails, more)
	s.start(t)
	return s
}

// start starts every process, and returns when all are ready.
func (s *system) start(t *testing.T) {
	t.Helper()
	for _, p := range s.all() {
		p.start(t)
	}
	for _, p := range s.all() {
		p.awaitReady(t)
	}
}

// stop ends every process as a supervisor would, all at once.
func (s *system) stop(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	for _, p := range s.all() {
		wg.Go(func() { p.stop(t, syscall.SIGTERM) })
	}
	wg.Wait()
}

// awaitRest waits until the notifiers have read everything, their own results too, and no mail waits.
func (s *system) awaitRest(t *testing.T) {
	t.Helper()
	admin := kadm.NewClient(s.connect(t))
	defer admin.Close()
	var behind int64
	if !eventually(t.Context(), mailWithin, func() bool {
		lags, err := admin.Lag(t.Context(), topics.NotificationService)
		lag := lags[topics.NotificationService]
		behind = lag.Lag.Total()
		return err == nil && lag.FetchErr == nil && behind == 0 && s.idle(t)
	}) {
		t.Errorf("the notifiers do not come to rest: they are %d records behind", behind)
	}
}

// idle says whether no notifier that runs has a mail that waits.
func (s *system) idle(t *testing.T) bool {
	t.Helper()
	for _, p := range s.notifiers {
		if p.over() {
			continue
		}
		_, metrics := get(t.Context(), p.internal("/metrics"))
		for _, gauge := range []string{"countersign_mail_pending", "countersign_mail_under_way"} {
			if !strings.Contains(metrics, gauge+" 0\n") {
				return false
			}
		}
	}
	return true
}

// all lists the processes, each once.
func (s *system) all() []*process {
	if len(s.apis) == 1 {
		return s.apis
	}
	var all []*process
	for _, role := range [][]*process{s.users, s.notifiers, s.apis} {
		all = append(all, role...)
	}
	return all
}

// api returns the nth API node, going round.
func (s *system) api(n int) *process { return s.apis[n%len(s.apis)] }
