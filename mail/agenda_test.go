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
		a.drop(e)
		lanes = append(lanes, a.begin(e.mail))
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

func TestPace_SoManyASecond_AndNoMoreThanATenthOfASecondAtOnce(t *testing.T) {
	p := newPace(100)
	now := time.Now()
	begun := 0
	for range 1000 { // 10 s
		for p.permits(now) {
			p.begin(now)
			begun++
		}
		now = now.Add(10 * time.Millisecond)
	}
	if begun < 1000 || begun > 1012 {
		t.Errorf("%d mails in 10 s, want 1000", begun)
	}
	if free := newPace(0); !free.permits(now) {
		t.Error("no limit is one")
	} else if free.begin(now); !free.permits(now) {
		t.Error("no limit is one after a mail")
	}
}
