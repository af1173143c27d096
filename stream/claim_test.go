package stream

import (
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func records(first, n int64) []*kgo.Record {
	var rs []*kgo.Record
	for offset := first; offset < first+n; offset++ {
		rs = append(rs, &kgo.Record{Topic: "t", Offset: offset})
	}
	return rs
}

func testClaim(first int64) (*claim, *int) {
	pauses := 0
	return newClaim(topicPartition{"t", 0}, first, nil, func(pause bool) {
		if pause {
			pauses++
		} else {
			pauses--
		}
	}), &pauses
}

func TestClaim_MarkedOutOfOrder_MovesOverTheFinishedPrefixOnly(t *testing.T) {
	c, _ := testClaim(10)
	c.add(records(10, 5), 15)
	c.hand(5, func(int) {})
	for _, step := range []struct{ mark, next int64 }{{12, 10}, {11, 10}, {10, 13}, {14, 13}, {13, 15}} {
		if !c.mark(step.mark) {
			t.Fatalf("%d was not open", step.mark)
		}
		if next, _ := c.uncommitted(); next != step.next {
			t.Errorf("after %d the prefix ends at %d, want %d", step.mark, next, step.next)
		}
	}
	if c.mark(12) {
		t.Error("a record was finished twice")
	}
}

func TestClaim_ARecordToSkip_CountsAsFinishedAndIsNotHandedOver(t *testing.T) {
	c, _ := testClaim(0)
	c.skip = func(topic string, headers Headers) bool { return topic == "t" && string(headers.Get("by")) == "us" }
	rs := records(0, 4)
	for _, offset := range []int{0, 2} {
		rs[offset].Headers = []kgo.RecordHeader{{Key: "at", Value: []byte("us")}, {Key: "by", Value: []byte("us")}}
	}
	rs[3].Headers = []kgo.RecordHeader{{Key: "by", Value: []byte("them")}}
	c.add(rs, 4)
	if n := c.hand(4, func(records int) {
		if records != 2 {
			t.Errorf("%d records are announced, want 2", records)
		}
	}); n != 4 {
		t.Errorf("%d left the queue, want 4", n)
	}
	for _, want := range []int64{1, 3} {
		if m := <-c.ch; m.Offset != want {
			t.Errorf("offset %d is handed over, want %d", m.Offset, want)
		}
	}
	if next, _ := c.uncommitted(); next != 1 {
		t.Errorf("before any mark the prefix ends at %d, want 1", next)
	}
	c.mark(1)
	c.mark(3)
	if next, _ := c.uncommitted(); next != 4 {
		t.Errorf("the prefix ends at %d, want 4", next)
	}
}

func TestClaim_AnyOrderOfMarks_EndsAtTheEnd(t *testing.T) {
	c, _ := testClaim(0)
	c.add(records(0, 1000), 1000)
	c.hand(1000, func(int) {})
	finished := map[int64]bool{}
	for _, offset := range rand.Perm(1000) {
		c.mark(int64(offset))
		finished[int64(offset)] = true
		if next, _ := c.uncommitted(); next < 1000 && finished[next] || next > 0 && !finished[next-1] {
			t.Fatalf("the prefix ends at %d", next)
		}
	}
	if n := c.commit(1000); n != 1000 {
		t.Errorf("%d records were finished", n)
	}
}

func TestClaim_TooMuchUnfinished_HandsNothingMoreAndPauses(t *testing.T) {
	c, pauses := testClaim(0)
	c.add(records(0, 3*claimLimit), 3*claimLimit)
	if *pauses != 1 {
		t.Error("fetching goes on")
	}
	if n := c.hand(10*claimLimit, func(int) {}); n != claimLimit {
		t.Errorf("%d records were handed over, want %d", n, claimLimit)
	}
	if c.ready() || c.hand(1, func(int) {}) != 0 {
		t.Error("one more was handed over")
	}
	for offset := range int64(2 * claimLimit) {
		if offset == claimLimit {
			c.hand(claimLimit, func(int) {})
		}
		<-c.ch
		c.mark(offset)
	}
	c.hand(claimLimit, func(int) {})
	if *pauses != 0 {
		t.Error("fetching stays paused")
	}
}

func TestClaim_ControlRecords_CountAsFinishedAndAreNotHandedOver(t *testing.T) {
	c, _ := testClaim(-2)
	rs := records(0, 3)
	control := kgo.NewRecordAttrs(kgo.RecordAttrsOpts{Control: true})
	rs[1].Attrs, rs[2].Attrs = control, control
	c.add(rs, 3)
	counted := 0
	if n := c.hand(10, func(n int) { counted = n }); n != 3 || counted != 1 || len(c.ch) != 1 {
		t.Errorf("%d left, %d counted, %d handed over", n, counted, len(c.ch))
	}
	if n, hole := c.unfinished(); n != 1 || hole {
		t.Errorf("%d unfinished, hole %v", n, hole)
	}
	c.mark(0)
	if next, moved := c.uncommitted(); next != 3 || !moved {
		t.Errorf("the prefix ends at %d", next)
	}
}

func TestClaim_OnlyWhatIsFinishedBehindAnOpenRecord_IsAHole(t *testing.T) {
	c, _ := testClaim(0)
	c.skip = func(_ string, headers Headers) bool { return len(headers) > 0 }
	rs := records(0, 4)
	rs[1].Headers = []kgo.RecordHeader{{Key: "passed", Value: []byte("over")}}
	c.add(rs, 4)
	c.hand(10, func(int) {})
	if n, hole := c.unfinished(); n != 3 || hole {
		t.Errorf("with one passed over: %d unfinished, hole %v", n, hole)
	}
	c.mark(2)
	if n, hole := c.unfinished(); n != 2 || !hole {
		t.Errorf("with one finished: %d unfinished, hole %v", n, hole)
	}
	c.mark(0)
	if n, hole := c.unfinished(); n != 1 || hole {
		t.Errorf("with all before it finished: %d unfinished, hole %v", n, hole)
	}
}
