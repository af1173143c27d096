package stream

import (
	"testing"

	"github.com/IBM/sarama"
)

func TestConsumer_PartitionConsumedAgain_BeginsWhereItIsToldWithNothingOfTheFormer(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.sendRows(4000)
	c := w.admin.newConsumer(t.Context(), "test")
	defer c.close()
	for _, from := range []int64{0, 500, 3, sarama.OffsetOldest} {
		var parts []sarama.PartitionConsumer
		for partition := range int32(4) {
			p, err := c.ConsumePartition(w.group+"-table", partition, from)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, p)
		}
		for _, p := range parts {
			for next := max(from, 0); next < max(from, 0)+100; next++ {
				if m := <-p.Messages(); m == nil || m.Offset != next {
					t.Fatalf("from %d: got %+v, want offset %d", from, m, next)
				}
			}
			p.AsyncClose()
		}
		for _, p := range parts {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestConsumer_OffsetThatIsNotThere_FailsThatPartitionOnly(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.sendRows(400)
	c := w.admin.newConsumer(t.Context(), "test")
	defer c.close()
	good, err := c.ConsumePartition(w.group+"-table", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := c.ConsumePartition(w.group+"-table", 1, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-bad.Errors(); err == nil {
		t.Error("no error")
	}
	if m := <-good.Messages(); m.Offset != 0 {
		t.Errorf("got offset %d", m.Offset)
	}
	for _, p := range []sarama.PartitionConsumer{good, bad} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}
