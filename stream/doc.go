// Package stream makes goka exact. It gives goka, through its builders, a Kafka client (franz-go), Kafka's transactions,
// local stores that are never ahead of Kafka, and a supervisor; and beside goka an emitter, and topics that are made or
// checked at the start. It knows nothing of users or mail, and sarama is here only for goka's types.
//
// # The way of a record
//
//	input partitions                                                        table and output topics
//	      │ poll (group.go)                                                         ▲
//	      ▼                                                                         │
//	 ┌─ claim ───┐ hand  ┌─ goka ─────────────┐ emit  ┌─ lane 0 ─┐ ┌─ lane 1 ─┐ produce
//	 │ waiting   │ ────► │ partition          │ ────► │ transac- │ │ its turn │ ─────┘
//	 │ open      │ ◄──── │ processor,callback │       │ tion     │ │ is next  │
//	 │ prefix    │ mark  └───────┬────────────┘       └──────────┘ └──────────┘
//	 └───────────┘               │ set, get
//	                        ┌─ overlay ─┐
//	                        │ written   │ ──► store (LevelDB)
//	                        └───────────┘
//
// All of it goes in cycles. Records are handed over; goka finishes them, that is, everything they emitted is
// acknowledged; then, in this order: the offsets and the transaction are committed, the overlay is written down, the
// follower is told. The next cycle uses the other lane, so it need not wait for the last one's markers.
//
// Exactly once, the offsets and whatever was emitted are one transaction. At least once, the cycle is the same with a
// plain producer and a plain offset commit. A cycle in which nothing was emitted is a plain offset commit in both.
//
// Failure is crash-only. On any doubt (fenced, an unknown outcome, a lost partition, an emit that failed, a panic) the
// life of the processor ends: nothing more is committed, everything is closed, and the supervisor begins another, whose
// producers settle what was left open before it reads an offset.
//
//	Processor.Run ── life ── life ── …                 a goka.Processor, its producers and its membership
//	                   └── session ── session ── …     between two rebalances: take over, cycles, let go
//	                                     └── cycle ── cycle ── …
//
// # What is promised
//
// A record counts once, and its row, its output records and its offset become readable together:
// TestProcessor_AfterThousandsOfRecords_TableEventsAndViewAddUp, TestProcessor_KafkaGoesAndComesBack_GoesOnExactly.
//
// So it is while members come and go, or vanish: TestProcessor_MembersJoiningAndLeavingUnderLoad_StaysExact,
// TestProcessor_MemberVanishes_AnotherGoesOnExactly.
//
// A member takes over with a copy that is complete, and a standby makes that short: TestReplica_Standby_IsACopyOfWhatOthersOwn,
// TestReplica_RecoveredAhead_HasNothingLeftToRecoverWhenPartitionsAreAssigned,
// TestReplica_OwnedFromOneGenerationToTheNext_AsksKafkaNothing, TestReplica_WhatASessionOwned_IsFollowedFromItsLastCommitOn;
// recovering ahead keeps nobody out: TestReplica_RecoveringAheadOfAnOpenTransaction_DoesNotWaitForItsEnd,
// TestReplica_NothingComesOfATable_IsNotWaitedForLong.
//
// So it is while instances, brokers, networks and disks fail: package chaos (make chaos), with docs/chaos.md.
//
// What a failed callback wrote is never readable: TestProcessor_CallbackPanics_LeavesNothingReadableAndGoesOn.
//
// What a visit writes is one transaction, too: TestVisitor_ThatWritesTwice_DoesSoInOneTransaction.
//
// Who was replaced cannot commit: TestProcessor_FencedByItsOwnName_CannotCommit,
// TestVisitor_OfAMemberThatIsNoneAnyMore_WritesNothing.
//
// A dead instance holds nobody up, and no live one is taken for dead:
// TestProcessor_DeadInstancesOpenTransaction_IsFencedAndInvisible,
// TestProcessor_TransactionsOfMembersAndOtherGroups_AreNotFenced.
//
// A commit that a broker fails, and a panic wherever it is, end one life and not the process:
// TestProcessor_BrokerFailsACommit_BeginsAgainAtTheLastOne, TestFollower_Panics_EndsTheLifeOnly,
// TestView_UpdateOrCodecPanics_IsNotReadyAndGoesOn. Lives that keep ending are rarer and quieter:
// TestSupervise_LivesThatKeepEnding_AreEverRarerAndWarnedOfOnceAMinute.
//
// A local store is never ahead of Kafka: TestOverlay_WhatACycleWrites_IsReadButNotWrittenDownBeforeTheCommit.
//
// A local store that is of no use (damaged, deleted, another's, unused for long, outside its topic) is filled again:
// TestStore_Damaged_IsFilledAgain, TestStore_OfAnother_IsFilledAgain,
// TestStore_DeletedUnderARunningProcessor_NothingIsLostOrDoubled, TestStore_UnusedForLong_IsDiscarded,
// TestStore_OfBeforeTheMachineWasStarted_IsOfNoUse,
// TestStore_WithAnOffsetOutsideItsTopic_IsDiscarded.
//
// Where none can be kept (disk full, read-only, not ours) the instance leaves the group and Run fails with one line, so
// that the process ends and others take over; no life is begun there again and again:
// TestStore_DiskIsFull_EndsItsInstanceAndAnotherTakesOver, TestStore_DirectoryCannotBeMade_EndsRun.
//
// A topic that was deleted and made again is another topic, for offsets, rows and who runs:
// TestProcessor_InputMadeAnew_BeginsAtItsStart, TestProcessor_InputMadeAnewWhileItRuns_GoesOnWithTheNewOne,
// TestProcessor_TableMadeAnewWhileItRuns_BeginsWithAnEmptyOne, TestStore_TopicMadeAnew_StartsEmpty.
//
// A follower sees each committed row once and in order, after the backlog, and lets go in time:
// TestFollower_EveryCommittedRow_IsReportedOnceAndInOrder, TestFollower_ATransactionIsAborted_IsToldNothingOfIt,
// TestFollower_BacklogOfCatchUpTopics_IsCommittedBeforeAssigned,
// TestFollower_MembersJoiningAndLeaving_RevokedBeforeAssignedElsewhere.
//
// No key and no value is in a log line, an error or a Health: TestProcessor_WhateverFails_NoKeyAndNoValueIsTold,
// TestView_WhateverFails_NoKeyAndNoValueIsTold.
//
// Brokers that want to be spoken to otherwise are told by the setting at fault:
// TestDial_SpokenToOtherwiseThanTheBrokersWant_NamesTheSettingInOneLine.
//
// Nothing runs without a permission that it needs, and what loses one while it runs names it:
// TestAllowed_APermissionIsMissing_IsNamedByTheCommandThatGivesIt,
// TestProcessor_APermissionIsTakenAway_HealthNamesIt_AndItGoesOnWhenItIsGiven.
//
// A topic that differs is refused, and mended by Apply as far as it can be:
// TestEnsure_TopicDiffers_NamesEveryDifference, TestApply_TopicsDiffer_ChangesWhatCanBeChanged_AndIsDoneOnce.
//
// An emitter's answer is true: TestEmitter_KafkaGoesAndComesBack_IsUnavailableAtOnceAndRecovers,
// TestEmitter_NoAcknowledgement_OutcomeIsUnknown, TestEmitter_KafkaAwayForLong_WhatWasAnsweredLongAgoIsNotSent; one that
// lingers sends fewer requests: TestEmitter_ThatLingers_WritesWhatGathersInOneRequest.
//
// What is written because a topic does not say yet that it was, is written once:
// TestLedger_WhoeverWritesAtOnce_EachJobIsDoneOnce,
// TestLedger_AWriterThatDiedBetweenItsWrites_LeftNothing_AndCannotComeBack, TestLedger_WhileATransactionOfOthersIsOpen_Waits.
//
// A processor that lingers sends fewer requests, too: TestProcessor_ThatLingers_TakesWhatGathersInOneTransaction,
// TestProcessor_ThatLingers_SendsTogetherWhatRecordsThatCameTogetherEmit.
//
// A scan of a key's records needs no copy of the topics, and says where it was cut:
// TestScan_OfSeveralTopics_ShowsAKeysRecordsInTheOrderOfTheirTimes,
// TestScan_OfTransactions_ShowsWhatIsCommitted_AndDoesNotWaitForWhatIsOpen,
// TestScan_ThatIsCut_SaysUpToWhenNothingIsMissing_AndGoesOnThere.
//
// What a processor owns, what it has processed and what is committed can be asked at any time:
// TestStatus_OfMembersThatComeAndGo_TellsWhatEachOwnsAndTheGap,
// TestStatus_WhatIsProcessedAndWhatIsCommitted_AreToldApart.
//
// What goka and sarama do otherwise is shown beside it, one test a hazard, in package hazards (make hazards):
//
//   - no offset is committed past a record that is not finished: TestOffsets_EmitOfAnEarlierRecordFails_AreNotCommittedPastIt,
//     TestOffsets_AWriteFailsWhileStopping_AreNotCommittedPastIt;
//   - no store keeps what Kafka refused: TestStore_KafkaRefusesARow_DoesNotKeepIt; no zombie writes:
//     TestTable_AnInstanceComesBackAfterItsSession_WritesNothing;
//   - nothing ends a processor for good, or the process: TestProcessor_ACallbackPanicsOnce_GoesOn,
//     TestProcessor_ACodecPanicsOnce_GoesOn, TestProcessor_ARecordCannotBeDecoded_PutsItAsideAndGoesOn,
//     TestProcessor_ABrokerNobodyNeedsIsAway_Starts, TestProcessor_OffsetLookupsAreRefusedForAWhile_IsReadyAfterwards,
//     TestProcessor_BrokersGoWhileItSetsUpAStandby_BeginsAnew,
//     TestVisits_TheProcessorStops_EndWithAnError;
//   - what waits is bounded: TestProcessor_TheTablesLeaderIsAway_TakesNoMoreThanABound,
//     TestEmitter_KafkaFallsSilent_Answers, TestView_BuiltAnewManyTimes_LeavesNoGoroutine;
//   - a rebalance is short and moves little: TestRebalance_AMemberJoins_ProcessingGoesOnSoon,
//     TestRebalance_AMemberRestarts_EachHasWhatItHadBefore;
//   - ready means ready, behind means behind: TestAssignment_IsToldOf_WhenTheTableIsRecovered,
//     TestProcessor_ItsStoreCannotBeOpened_IsNotReady, TestProcessor_RecordsWait_SaysThatItIsBehind,
//     TestView_ReadWhileItRecovers_DoesNotDenyARow, TestView_ReadWhileItStops_AnswersOrRefuses;
//   - transactions are read as such: TestView_TopicEndsWithATransaction_IsReady,
//     TestView_ATransactionIsAborted_DoesNotShowItsRows;
//   - every key and every value counts: TestView_HashOfAKeyIsTheLeastInteger_Answers,
//     TestStore_AKeyIsCalledAsItsOwnEntry_IsARow, TestProcessor_RecordsWithoutAValue_ReachTheCallback.
//
// # Files
//
//	cluster.go       Config, Dial, the options that all clients share
//	security.go      TLS and SASL; refusal.go: brokers that want it otherwise; access.go: brokers that forbid
//	topics.go        topics made or checked; plan.go: how one differs, and what mends it
//	emitter.go       single records, acknowledged; ledger.go: records that follow from all that a topic holds
//	processor.go     a goka group under supervision (supervise.go): one life after the other (life.go)
//	group.go         membership in the consumer group
//	session.go       what a member does with its partitions; claim.go: one of them
//	cycle.go         what is under way between two commits; lane.go: the producers
//	callback.go      what a graph's callbacks and codecs may do; fence.go: a dead instance's open transaction
//	recreated.go     topics that were deleted and made again
//	follower.go      who is told of commits
//	overlay.go       a table's partition in a cycle; store.go: on disk; replica.go: where no session writes it
//	view.go          a topic's rows, to be read
//	scan.go          a key's records, in the order of their times
//	consumer.go      what goka runs views and joined tables with (reader.go); topicmanager.go: what it asks about topics
//	behind.go        how late a reader is; health.go, status.go, metrics.go, log.go: what is told of it
package stream
