package mail

import (
	"testing"
	"time"
)

func TestBreaker_AnIllRelay_IsLeftAloneLongerEachTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := breaker{rest: time.Second}
	if !b.permits(now) || b.begin(now) {
		t.Fatal("a relay that is well is taken for ill")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
		want *= time.Second
		probe := b.begin(now)
		if news := b.ill(now, "busy", probe, false); news != (i == 0) || probe != (i > 0) {
			t.Errorf("illness %d: news %t, found by one that finds out %t", i, news, probe)
		}
		if probe {
			b.end()
		}
		if b.ill(now, "busy", false, false) || b.until.Sub(now) != want {
			t.Errorf("illness %d: rest %s, want %s, whoever else was under way", i, b.until.Sub(now), want)
		}
		if b.permits(b.until.Add(-1)) || !b.permits(b.until) {
			t.Errorf("illness %d: does not permit a mail exactly from %s on", i, b.until)
		}
		now = b.until
		if !b.begin(now) || b.permits(now.Add(longestRest*time.Second-1)) {
			t.Errorf("illness %d: more than one mail finds out", i)
		}
		if !b.permits(now.Add(longestRest * time.Second)) {
			t.Errorf("illness %d: nobody else finds out while one hangs", i)
		}
		b.end()
		if !b.permits(now) {
			t.Errorf("illness %d: nobody finds out any more", i)
		}
	}
	if !b.well() || b.well() || !b.permits(now) {
		t.Error("a relay that is well again is not taken for it, once")
	}
}

func TestBreaker_AMailThatWasUnderWayBefore_AddsNothing_HoweverLateItFails(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := breaker{rest: time.Second}
	b.ill(now, "busy", false, false)
	now = b.until
	b.ill(now, "busy", false, false)
	if !b.permits(now) {
		t.Error("it lengthens the rest that is over")
	}
	b.begin(now)
	b.ill(now, "busy", false, false)
	b.end()
	if !b.permits(now) || b.until != now {
		t.Errorf("the rest goes on until %s, though the mail that was to find out found nothing", b.until)
	}
	b.begin(now)
	b.ill(now, "busy", true, false)
	b.ill(now.Add(time.Second), "busy", false, false)
	b.end()
	if rest := b.until.Sub(now); rest != 2*time.Second {
		t.Errorf("with one that was under way the rest is %s", rest)
	}
}

func TestBreaker_AMailThatFindsTheRelayIllAgain_LengthensNoRest(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	b := breaker{rest: time.Second}
	for i := range 8 {
		probe := b.begin(now)
		b.ill(now, "busy", probe, i > 0)
		if probe {
			b.end()
		}
		if rest := b.until.Sub(now); rest != time.Second {
			t.Errorf("illness %d: rest %s, want 1s", i, rest)
		}
		now = b.until
	}
	if probe := b.begin(now); !probe || b.ill(now, "busy", probe, false) || b.until.Sub(now) != 2*time.Second {
		t.Errorf("another mail's finding: rest %s, want 2s", b.until.Sub(now))
	}
}
