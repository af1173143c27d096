package stream

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// refuse answers one request for a commit as a broker with a failing disk does.
func (w *world) refuse(key kmsg.Key, refused *atomic.Bool) {
	code := kerr.KafkaStorageError.Code
	w.fake.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
		resp := r.ResponseKind()
		switch resp := resp.(type) {
		case *kmsg.EndTxnResponse:
			resp.ErrorCode = code
		case *kmsg.TxnOffsetCommitResponse:
			for _, t := range r.(*kmsg.TxnOffsetCommitRequest).Topics {
				of := kmsg.TxnOffsetCommitResponseTopic{Topic: t.Topic}
				for _, p := range t.Partitions {
					of.Partitions = append(of.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
				}
				resp.Topics = append(resp.Topics, of)
			}
		case *kmsg.OffsetCommitResponse:
			for _, t := range r.(*kmsg.OffsetCommitRequest).Topics {
				of := kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID}
				for _, p := range t.Partitions {
					of.Partitions = append(of.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
				}
				resp.Topics = append(resp.Topics, of)
			}
		default:
			return nil, errors.New("not a commit"), true
		}
		refused.Store(true)
		return resp, nil, true
	})
}

func TestProcessor_BrokerFailsACommit_BeginsAgainAtTheLastOne(t *testing.T) {
	for name, test := range map[string]struct {
		guarantee Guarantee
		key       kmsg.Key
	}{
		"offsets in the transaction": {ExactlyOnce, kmsg.TxnOffsetCommit},
		"end of the transaction":     {ExactlyOnce, kmsg.EndTxn},
		"offsets":                    {AtLeastOnce, kmsg.OffsetCommit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.guarantee)
			if w.fake == nil {
				t.Skip("a real Kafka fails when it wants to")
			}
			c := w.dial("a")
			p, _ := w.process(c, ProcessorConfig{Graph: w.counting()})
			v, _ := w.view(c, ViewConfig{})
			for range 2 {
				var refused atomic.Bool
				w.refuse(test.key, &refused)
				w.send(500)
				w.await("a commit is refused", refused.Load)
				w.awaitCounted(v)
			}
			w.await("it goes on", func() bool { return p.Health().Ready && p.Health().Behind == 0 })
			if test.guarantee == ExactlyOnce {
				w.awaitExact(v)
				w.checkEvents()
			}
		})
	}
}
