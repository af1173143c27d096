package main

// What is held here:
//   - mails come as fast as they leave, so that what waits is always as much, and what grows is kept for no reason;
//   - the heap is what is left after a collection.

import (
	"context"
	"fmt"
	"maps"
	"runtime"

	"countersign/mail"
)

const (
	memoryMails = 1_000_000
	waiting     = 1_000
)

type memoryCmd struct {
	Settings `embed:""`
}

// Run looks ten times at what the sender holds.
func (c memoryCmd) Run(ctx context.Context) error {
	s, err := newSink(ctx, c.Postfix)
	if err != nil {
		return err
	}
	defer s.close()
	mails := int(memoryMails * c.Scale)
	var r *run
	r, err = s.newRun(mails, own, func(sent int) {
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
	const mebibyte = 1 << 20
	fmt.Printf("| %d | %.1f | %d | %.0f |\n", sent, float64(m.HeapAlloc)/mebibyte, m.HeapObjects, float64(m.Sys)/mebibyte)
}

// come brings the n-th mail.
func (r *run) come(n int) {
	m := own.newMail(n)
	r.sender.Update(int32(n%partitions), m.To, mail.Outbox{Mails: []mail.Mail{m}})
}
