// Package chaos counts whether a processor of stream is exactly once, whatever dies under it. It knows stream as any
// program does, from outside: what it looks at are the topics, the local stores, and its own ledger of what was
// acknowledged.
//
// The application under test is counter, a process of its own: each command increments its key's counter in the table and
// emits one numbered event. A scenario sends commands at a steady rate and does to the processes, to their network, to
// their local stores or to the brokers what its name says. Afterwards commands, events and counters must be the same
// (audit_test.go), nothing of an aborted transaction may be readable anywhere, no transaction may hang, and all of it
// must come out the same from an empty store and from a compacted table.
//
//	load_test.go      sends commands, and keeps the ledger
//	watch_test.go     reads events and rows as they are committed
//	instance_test.go  a counter as a child process; proxy_test.go: its way to the brokers
//	kafka_test.go     the brokers: who leads, who coordinates; killing one
//	audit_test.go     compares; stores_test.go: with what lies on disk
//	world_test.go     one scenario from its beginning to its row in the table of report_test.go
//
// make chaos runs all scenarios on a real Kafka of three nodes; docs/chaos.md has the outcome.
package chaos
