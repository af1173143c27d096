package e2e

// The main job under load (make e2e): E2E_LOAD people register with 64 in
// flight, every mail is read, everybody verifies, and the mails are counted.

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

const loadInFlight = 64

func TestLoad_EverybodyIsVerified_WithTwoMailsEach(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("E2E_LOAD"))
	if n == 0 {
		t.Skip("runs with make e2e: E2E_LOAD says how many register")
	}
	s := start(t, nil)
	warm := crowd(loadInFlight)
	each(t, warm, loadInFlight, func(ctx context.Context, p *person) error { return p.proves(ctx, s) })

	people := crowd(n)
	var registered, mailed, verified durations
	var asked sync.Map // when, by address

	phase := time.Now()
	each(t, people, loadInFlight, func(ctx context.Context, p *person) error {
		began := time.Now()
		asked.Store(p.address, began)
		err := p.registers(ctx, s)
		registered.add(time.Since(began))
		return err
	})
	registered.report(t, "register", time.Since(phase))

	each(t, people, loadInFlight, func(ctx context.Context, p *person) error {
		l, err := s.mails.await(ctx, p.address, verifyAccount)
		began, _ := asked.Load(p.address)
		mailed.add(l.ReceivedAt.Sub(began.(time.Time)))
		return err
	})
	mailed.report(t, "register to mail", time.Since(phase))

	phase = time.Now()
	each(t, people, loadInFlight, func(ctx context.Context, p *person) error {
		began := time.Now()
		err := p.verifies(ctx, s)
		verified.add(time.Since(began))
		return err
	})
	verified.report(t, "verify", time.Since(phase))

	want := 2 * (len(people) + len(warm))
	eventually(t.Context(), mailWithin, func() bool { return s.mails.count() >= want })
	s.awaitRest(t)
	s.stop(t) // no mail can come any more
	if got := s.mails.count(); got != want {
		t.Errorf("%d mails, want exactly %d", got, want)
	}
	for _, p := range people {
		if codes, proofs := len(s.mails.to(p.address, verifyAccount)), len(s.mails.to(p.address, accountVerified)); codes != 1 || proofs != 1 {
			t.Errorf("%s got %d mails with a code and %d that say verified", p.address, codes, proofs)
		}
	}
	t.Logf("%d addresses registered, mailed, verified and mailed again: %d mails", len(people), s.mails.count()-2*len(warm))
}

type durations struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *durations) add(one time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, one)
}

func (d *durations) report(t *testing.T, what string, took time.Duration) {
	t.Helper()
	slices.Sort(d.all)
	at := func(percent int) string {
		return fmt.Sprintf("p%d %s", percent, d.all[(len(d.all)-1)*percent/100].Round(100*time.Microsecond))
	}
	t.Logf("%-17s %6.0f/s  %s  %s  %s", what, float64(len(d.all))/took.Seconds(), at(50), at(95), at(99))
}
