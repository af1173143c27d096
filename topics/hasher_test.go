package topics

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// The vectors of Kafka's own test (org.apache.kafka.common.utils.UtilsTest.testMurmur2).
func TestHasher_GivesJavasMurmur2(t *testing.T) {
	for text, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		h := Hasher()
		h.Write([]byte(text))
		if got := h.Sum32(); got != uint32(want)&0x7fffffff {
			t.Errorf("murmur2(%q) = %d, want %d", text, got, uint32(want)&0x7fffffff)
		}
	}
}

func TestHasher_ChoosesThePartitionThatTheProducerChooses(t *testing.T) {
	producer := kgo.StickyKeyPartitioner(nil).ForTopic("any")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringN(1, -1, -1).Draw(t, "key")
		n := rapid.Int32Range(1, 64).Draw(t, "partitions")
		if got, want := int(Partition(key, n)), producer.Partition(&kgo.Record{Key: []byte(key)}, int(n)); got != want {
			t.Fatalf("partition of %q of %d: %d, the producer chooses %d", key, n, got, want)
		}
	})
}

func TestHasher_AfterReset_BeginsAnew(t *testing.T) {
	h := Hasher()
	h.Write([]byte("other"))
	h.Reset()
	h.Write([]byte("foo"))
	h.Write([]byte("bar"))
	const foobar = -790332482
	if got := int32(h.Sum32()); got != foobar&0x7fffffff {
		t.Errorf("murmur2 in two writes = %d, want %d", got, foobar&0x7fffffff)
	}
}
