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
		if news := b.ill(now, "busy"); news != (i == 0) {
			t.Errorf("illness %d: news %t", i, news)
		}
		if b.ill(now, "busy") || b.until.Sub(now) != want {
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
