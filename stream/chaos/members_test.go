package chaos

import (
	"testing"
	"time"

	"countersign/stream"
)

func TestMembers_JoinOrLeaveEveryTwoSeconds_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one of three joins or leaves every 2 s", stream.ExactlyOnce)
	w.start("a")
	comers := []*instance{w.start("b"), w.start("c")}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for n := range w.scaled(20, 4) {
		<-tick.C
		w.fault()
		if i := comers[n%2]; i.over() {
			i.start()
		} else {
			i.stop()
		}
	}
	w.finish()
}
