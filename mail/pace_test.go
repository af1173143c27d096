package mail

import (
	"testing"
	"time"
)

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
