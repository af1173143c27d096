package mail

import (
	"fmt"
	"testing"
	"time"
)

// due is a mail of a domain that was asked for so many seconds after a moment.
func due(id, domain string, seconds int) *entry {
	at := time.Date(2026, 11, 22, 12, 0, seconds, 0, time.UTC)
	return &entry{mail: Mail{ID: id, Kind: AccountVerified, To: id + "@" + domain, OccurredAt: at}}
}

func TestAgenda_OfOneDomain_NoMoreThanItsShareIsUnderWay(t *testing.T) {
	a := newAgenda(2)
	for n := range 5 {
		a.plan(due(fmt.Sprint("slow", n), "slow.example", n))
	}
	a.plan(due("other", "other.example", 9))
	now := time.Date(2026, 11, 22, 12, 1, 0, 0, time.UTC)
	var lanes []*lane
	take := func() string {
		e, _, _ := a.next(now, true)
		if e == nil {
			return ""
		}
		lanes = append(lanes, a.begin(e))
		return e.mail.ID
	}
	for _, want := range []string{"slow0", "slow1", "other", ""} {
		if got := take(); got != want {
			t.Fatalf("next is %q, want %q", got, want)
		}
	}
	a.end(lanes[1])
	for _, want := range []string{"slow2", ""} {
		if got := take(); got != want {
			t.Fatalf("when one has ended, next is %q, want %q", got, want)
		}
	}
	a.drop(a.lanes["slow.example"].ready.items[0])
	for _, l := range lanes[2:] {
		a.end(l)
	}
	a.end(lanes[0])
	if got := take(); got != "slow4" {
		t.Errorf("next is %q, want slow4", got)
	}
	a.end(lanes[len(lanes)-1])
	if len(a.lanes) != 0 {
		t.Errorf("%d lanes are left of nothing", len(a.lanes))
	}
}

func TestPutOff_Doubles_ButForNoMoreThanHalfOfWhatIsLeft(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e := &entry{mail: Mail{Kind: VerifyAccount, OccurredAt: now, CodeExpiresAt: now.Add(10 * time.Minute)}} // to be mailed within 9 min
	for _, want := range []int{16, 32, 64, 128, 150, 75, 37, 18, 16} {
		e.putOff(now, 16*time.Second)
		if got := e.deferred.Sub(now); got.Truncate(time.Second) != time.Duration(want)*time.Second {
			t.Errorf("put off for %v, want %d s", got, want)
		}
		now = e.deferred
	}
	if now.After(e.mail.Deadline()) {
		t.Errorf("not tried again before %v", e.mail.Deadline())
	}
}

func TestAgenda_TheOldest_WaitsForItsFirstAttempt_HoweverOftenTheRelayWasIll(t *testing.T) {
	a := newAgenda(2)
	retried, ill := due("retried", "a.example", 1), due("ill", "a.example", 2)
	retried.mail.Attempts = 1
	ill.putOff(time.Now(), time.Hour)
	for _, e := range []*entry{retried, due("new", "a.example", 3), ill} {
		a.plan(e)
	}
	if e := a.oldest(); e != ill {
		t.Errorf("it is %q", e.mail.ID)
	}
}

func TestAgenda_ALongQueueOfADomainAtItsShare_IsNotLookedThrough(t *testing.T) {
	const many = 100_000
	a := newAgenda(1)
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for n := range many {
		a.plan(due(fmt.Sprint(n), "slow.example", n%3600))
	}
	first, _, _ := a.next(now, true)
	slow := a.begin(first)
	compared := 0
	for _, q := range []*queue[*entry]{&a.waiting, &a.expiring, &slow.ready} {
		before := q.before
		q.before = func(x, y *entry) bool { compared++; return before(x, y) }
	}
	const times = 1000
	for n := range times {
		a.plan(due(fmt.Sprint("other", n), "other.example", 3600+n))
		e, _, _ := a.next(now, true)
		if e == nil || e.mail.ID != fmt.Sprint("other", n) {
			t.Fatalf("mail %d: next is %v", n, e)
		}
		a.end(a.begin(e))
		a.drop(slow.ready.items[len(slow.ready.items)/2])
	}
	if least := 17; compared > times*least*20 {
		t.Errorf("%d comparisons a mail among %d: log2 is %d", compared/times, many, least)
	} else {
		t.Logf("%d comparisons a mail among %d", compared/times, many)
	}
	if e, _, _ := a.next(now, true); e != nil {
		t.Errorf("%s goes beyond its domain's share", e.mail.ID)
	}
}
