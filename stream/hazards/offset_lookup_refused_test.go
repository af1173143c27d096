package hazards

// What is held here:
//   - a table whose partition has no leader for a moment is waited for.

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestProcessor_OffsetLookupsAreRefusedForAWhile_IsReadyAfterwards(t *testing.T) {
	compare(t, "a table without a leader at the start ends the processor for good", func(w *world) finding {
		if w.fake == nil {
			w.Skip("lookups are refused by the embedded Kafka")
		}
		w.topics(1)
		var refusals atomic.Int64
		const enough = 5
		w.fake.ControlKey(kmsg.ListOffsets.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
			w.fake.KeepControl()
			if refusals.Add(1) > enough {
				return nil, nil, false
			}
			return withoutLeader(req.(*kmsg.ListOffsetsRequest)), nil, true
		})
		p := w.instance("a").process(w.counting(func(goka.Context) {}))
		w.await("it is ready or has ended", func() bool { return p.over() || p.ready() && refusals.Load() > enough })
		if p.over() {
			return finding{true, fmt.Sprintf("ends after %d lookups", refusals.Load())}
		}
		return finding{false, fmt.Sprintf("ready after %d refused lookups", enough)}
	})
}

// withoutLeader answers that no partition has one.
func withoutLeader(req *kmsg.ListOffsetsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
	for _, t := range req.Topics {
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewListOffsetsResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.LeaderNotAvailable.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}
