// Package hazards shows what goka does as it comes, and that stream does not: each file is one hazard, its scenario runs
// on plain goka (with sarama, sensibly configured) and on stream, and the test fails unless the first shows the hazard and
// the second does not. It knows of stream only what its users know. `make hazards` runs all and prints what was seen.
//
// Plain goka leaks goroutines (TestView_BuiltAnewManyTimes_LeavesNoGoroutine), so goleak watches stream's own tests, not
// these.
//
// # Answered by not using it
//
//   - storage.MemoryBuilder sorts all keys at each insertion: tables and views lie in LevelDB.
//   - DeferCommit only counts, holds no order, and holds up Stop for 60 s: no callback defers.
//   - ProducerBuilderWithConfig and its like change a configuration that is shared: there is no sarama client, nor what
//     sarama reorders before 1.61.1.
//   - A view's backoff grows by 10 s: stream's views wait 0.2 s to 2 s.
//   - Default headers are not put on table writes; the web monitor has no authentication and an off-by-one panic;
//     Stats().Stalled gives false alarms: metrics and Health are stream's own.
//   - Static membership promises only that a restart within the session moves nothing: members leave, and come back
//     under a stable name.
//
// # Answered elsewhere
//
//   - A group with two inputs merges them as they arrive: user-service has one (processors.Users). What
//     notification-service reads from two may come in either order (mail).
//   - A tombstone that a store missed for longer than the topic kept it leaves a row behind:
//     stream's TestStore_UnusedForLong_IsDiscarded.
//   - A panic in decode, rules or encode is a dead letter (processors).
//   - At least once has no fencing: README, Limits.
package hazards
