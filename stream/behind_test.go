package stream

import (
	"testing"
	"time"
)

func TestLag_EndNotReached_CountsFromWhenItWasSeen(t *testing.T) {
	tp := topicPartition{"t", 0}
	next, ours := int64(0), true
	l := (&Cluster{}).newLag("r", nil, func(topicPartition) (int64, bool) { return next, ours })
	begun := time.Now()
	at := func(seconds int) time.Time { return begun.Add(time.Duration(seconds) * time.Second) }
	look := func(seconds int, start, end int64) {
		l.look(at(seconds), map[topicPartition]int64{tp: start}, map[topicPartition]int64{tp: end})
	}
	check := func(seconds int, want time.Duration) {
		t.Helper()
		if have := l.behind(at(seconds)); have != want {
			t.Errorf("after %d s: %v behind, want %v", seconds, have, want)
		}
	}
	look(0, 0, 0)
	check(0, 0)
	look(1, 0, 10) // ten records come
	check(2, time.Second)
	next = 5
	look(3, 0, 20)
	check(3, 2*time.Second) // the first ten are still not reached
	next = 10
	check(3, 0) // reached; the second ten have not been seen
	look(4, 0, 20)
	check(5, time.Second)
	next = 20
	look(5, 0, 20)
	check(5, 0)
	look(6, 30, 30) // everything has expired
	check(6, 0)
	next = 5
	look(7, 0, 20)
	ours = false // another's
	look(8, 0, 20)
	check(9, 0)
	check(14, 6*time.Second) // nobody could look
}
