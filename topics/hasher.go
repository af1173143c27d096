package topics

import (
	"encoding/binary"
	"hash"
)

// Hasher is murmur2 as Kafka's Java client has it, cut to a number that is
// never negative: goka and the Java client then choose the same partition for
// a key, and no key makes goka's view panic.
func Hasher() hash.Hash32 { return &murmur2{} }

// Partition returns the partition of a key in a topic with n partitions.
func Partition(key string, n int32) int32 {
	h := murmur2{[]byte(key)}
	return int32(h.Sum32()) % n
}

type murmur2 struct{ data []byte }

func (m *murmur2) Write(p []byte) (int, error) {
	m.data = append(m.data, p...)
	return len(p), nil
}

func (m *murmur2) Reset()         { m.data = m.data[:0] }
func (m *murmur2) Size() int      { return 4 }
func (m *murmur2) BlockSize() int { return 4 }

func (m *murmur2) Sum(b []byte) []byte { return binary.BigEndian.AppendUint32(b, m.Sum32()) }

// Sum32 follows org.apache.kafka.common.utils.Utils.murmur2, and its caller's toPositive.
func (m *murmur2) Sum32() uint32 {
	const (
		seed       = uint32(0x9747b28c)
		multiplier = uint32(0x5bd1e995)
		shift      = 24
	)
	data := m.data
	h := seed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * multiplier
		k = (k ^ k>>shift) * multiplier
		h = h*multiplier ^ k
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
	}
	if len(data) > 0 {
		h *= multiplier
	}
	h = (h ^ h>>13) * multiplier
	h ^= h >> 15
	return h & 0x7fffffff
}
