package main

// What is held here:
//   - mails come as fast as they leave, so that what waits is always as much, and what grows is kept for no reason;
//   - of the sender alone it is the heap that is left after a collection; of the whole notifier what the last collection left,
//     and what the process holds, which is about twice that: the next one waits until it is. Its rows, which remember for a
//     day what was sent, are on the disk.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"strings"

	"countersign/mail"
)

const (
	memoryMails = 1_000_000
	waiting     = 1_000
	mebibyte    = 1 << 20
)

type memoryCmd struct {
	Settings `embed:""`
	Brokers  []string `env:"KAFKA_BROKER_LIST" help:"A Kafka of one's own: host:port,…. Defaults to none: without the whole notifier."`
}

// Run looks at what the sender holds, at the beginning and after each tenth, and then at the whole notifier.
func (c memoryCmd) Run(ctx context.Context) error {
	s, err := newSink(ctx, c.Postfix)
	if err != nil {
		return err
	}
	defer s.close()
	mails := int(memoryMails * c.Scale)
	if err := s.watch(ctx, mails); err != nil || len(c.Brokers) == 0 {
		return err
	}
	w, err := newWay(ctx, c.Brokers)
	if err != nil {
		return err
	}
	return errors.Join(w.watch(ctx, s, mails), w.remove())
}

// watch looks at a notifier on whose whole way that many mails go.
func (w *way) watch(ctx context.Context, s *sink, mails int) (err error) {
	p, err := w.start(ctx, s, plain, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	fmt.Print("\n| mails sent, the whole way | heap MiB | held MiB |\n|---|---|---|\n")
	const together = 5 * waiting
	left := departures{}
	for n := 0; n < mails; n += together {
		if err := w.goOn(ctx, left, n, min(together, mails-n)); err != nil {
			return err
		}
		if n%max(together, mails/10/together*together) == 0 {
			if err := p.look(n); err != nil {
				return err
			}
		}
	}
	if err := w.goOn(ctx, left, mails, 0); err != nil {
		return err
	}
	return p.look(mails)
}

// goOn hands over that many events, and returns when the mails of all that came before, sent in number, have left.
func (w *way) goOn(ctx context.Context, left departures, sent, together int) error {
	ctx, cancel := context.WithTimeout(ctx, wayTimeout)
	defer cancel()
	events, err := eventsOf(fmt.Sprint("memory-", sent), together, plain)
	if err != nil {
		return err
	}
	if err := w.hand(ctx, events); err != nil {
		return err
	}
	return w.await(ctx, left, sent)
}

// look prints what a notifier holds.
func (n notifier) look(sent int) error {
	held, err := n.Holds()
	if err != nil {
		return err
	}
	resp, err := http.Get("http://" + n.addr + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var next float64 // the heap at which the next collection begins: twice what the last one left
	_, after, _ := strings.Cut(string(metrics), "\ngo_memstats_next_gc_bytes ")
	if _, err := fmt.Sscan(after, &next); err != nil {
		return fmt.Errorf("read the notifier's heap: %w", err)
	}
	fmt.Printf("| %d | %.0f | %.0f |\n", sent, next/2/mebibyte, held)
	return nil
}

// watch looks at a sender that sends that many mails.
func (s *sink) watch(ctx context.Context, mails int) error {
	var r *run
	r, err := s.newRun(mails, own, func(sent int) {
		if n := sent + waiting - 1; n < mails {
			r.come(n)
		}
		if sent%max(1, mails/10) == 0 {
			look(sent)
		}
	})
	if err != nil {
		return err
	}
	fmt.Print("| mails sent | heap MiB | heap objects | from the system MiB |\n|---|---|---|---|\n")
	return r.do(ctx, "", func() {
		for p := range partitions {
			r.sender.Assign(int32(p), maps.All(map[string]mail.Outbox{}))
		}
		look(0)
		for n := range min(waiting, mails) {
			r.come(n)
		}
	})
}

// look prints what is held.
func look(sent int) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	fmt.Printf("| %d | %.1f | %d | %.0f |\n", sent, float64(m.HeapAlloc)/mebibyte, m.HeapObjects, float64(m.Sys)/mebibyte)
}

// come brings the n-th mail.
func (r *run) come(n int) {
	m := own.newMail(n)
	r.sender.Update(int32(n%partitions), m.To, mail.Outbox{Mails: []mail.Mail{m}})
}
