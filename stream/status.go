package stream

// What is held here:
//   - a status tells of names, numbers, times and of why a life ended (log.go); never of a key or a value;
//   - asking for it costs the processor nothing: no question to Kafka, no lock held for longer than a copy takes;
//   - records are counted by offsets, as of the last look at the ends of the topics (behind.go): a transaction's marker
//     counts as one, too;
//   - a gap is a time in which nothing was processed here, whatever was its reason: a rebalance, a failure, or both.

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Status is how a processor is, for operators.
type Status struct {
	Group  string
	Health Health
	// Generation of the group by which Partitions are ours: of two members that both name one, the later has it.
	Generation int32
	// Partitions that are ours, in order; also while their rows are restored.
	Partitions []PartitionStatus
	// Standby is how far the local copy of the other partitions' rows is, also before the first session.
	Standby Standby
	// Rebalance is the last one after which records were processed. nil: none yet.
	Rebalance *Rebalance
	// Failure is the last one. nil: none yet.
	Failure *Failure
	// Transactions since the processor was made. At least once they are offset commits.
	Transactions TransactionStatus
}

// PartitionStatus is how far a partition is, over all inputs of the group.
type PartitionStatus struct {
	Partition int32
	Restored  Progress // of its rows
	// LagProcessed is how many records goka has not finished, LagCommitted how many are not committed.
	LagProcessed, LagCommitted int64
	// Behind is as in Health.
	Behind time.Duration
}

// Progress is how far a partition of a table is copied to the local store: everything before Offset is.
// At End it is complete.
type Progress struct{ Offset, End int64 }

// Standby is a copy of rows that are another member's, or nobody's yet.
type Standby struct {
	Partitions int
	Missing    int64 // records of the table that are not in it
}

// Rebalance is what the change from one session to the next did to a member.
type Rebalance struct {
	At time.Time // when records could be processed again
	// Gap is how long none could. 0 for the first session of a processor.
	Gap          time.Duration
	Gained, Lost []int32 // partitions, in order
}

// Failure is why a life ended.
type Failure struct {
	At       time.Time
	Reason   string
	Restarts int // since the processor was made
}

// TransactionStatus counts transactions by their ends. Last, P50 and P99 are how long the committed ones took from the
// first record that was handed over; P50 and P99 are of the last recentTransactions.
type TransactionStatus struct {
	Committed, Left int64
	Last, P50, P99  time.Duration
}

const recentTransactions = 1000

// history is what a processor remembers for its status.
type history struct {
	metrics groupMetrics

	mu           sync.Mutex
	replica      *replica // nil: between two lives, or there is no table
	session      *session // nil: between two
	serving      bool
	paused       time.Time      // when a session processed last; zero: none has yet
	had          map[int32]bool // its partitions
	rebalance    *Rebalance
	failure      *Failure
	transactions TransactionStatus
	took         []time.Duration // of the recent transactions, in a ring
}

// follow notes a life's copy of the table; nil: it has ended.
func (h *history) follow(r *replica) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replica = r
}

// begin notes that a session begins, with its tables to be restored.
func (h *history) begin(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.session = s
}

// serve notes that the session processes from now on.
func (h *history) serve(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	have := h.session.partitions()
	r := Rebalance{At: now, Gained: without(have, h.had), Lost: without(h.had, have)}
	if !h.paused.IsZero() {
		r.Gap = now.Sub(h.paused)
		h.metrics.gap.Observe(r.Gap.Seconds())
	}
	h.rebalance, h.had, h.serving = &r, have, true
}

// end notes that the session processes no more, if it ever did.
func (h *history) end(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.serving {
		h.paused = now
	}
	h.session, h.serving = nil, false
}

// fail notes why a life ended.
func (h *history) fail(now time.Time, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	restarts := 1
	if h.failure != nil {
		restarts += h.failure.Restarts
	}
	h.failure = &Failure{now, why, restarts}
	h.metrics.restarts.Inc()
}

// commit notes a committed transaction.
func (h *history) commit(records int, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.took) < recentTransactions {
		h.took = append(h.took, took)
	} else {
		h.took[h.transactions.Committed%recentTransactions] = took
	}
	h.transactions.Committed++
	h.transactions.Last = took
	h.metrics.committed.Inc()
	h.metrics.records.Add(float64(records))
	h.metrics.took.Observe(took.Seconds())
}

// leave notes a transaction that was left.
func (h *history) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.transactions.Left++
	h.metrics.left.Inc()
}

// tell returns the session and the copy of the table that there are, and a status with all that is remembered.
func (h *history) tell() (*session, *replica, Status) {
	h.mu.Lock()
	session, replica, took := h.session, h.replica, slices.Clone(h.took)
	s := Status{Rebalance: h.rebalance, Failure: h.failure, Transactions: h.transactions}
	h.mu.Unlock()
	if slices.Sort(took); len(took) > 0 {
		s.Transactions.P50, s.Transactions.P99 = took[len(took)/2], took[len(took)*99/100]
	}
	return session, replica, s
}

// without returns the partitions that are not in others, in order.
func without(partitions, others map[int32]bool) []int32 {
	left := []int32{}
	for p := range partitions {
		if !others[p] {
			left = append(left, p)
		}
	}
	slices.Sort(left)
	return left
}

// partitions are those of the claims.
func (s *session) partitions() map[int32]bool {
	of := map[int32]bool{}
	for tp := range s.claims {
		of[tp.partition] = true
	}
	return of
}

// Status returns how the processor is now. What it points to is not changed any more.
func (p *Processor) Status() Status {
	session, replica, s := p.history.tell()
	s.Group, s.Health = p.group, p.Health()
	if replica != nil {
		s.Standby = p.standby(replica)
	}
	if session == nil {
		return s
	}
	s.Generation = session.generation
	for _, partition := range slices.Sorted(maps.Keys(session.partitions())) {
		s.Partitions = append(s.Partitions, p.partitionStatus(session, partition))
	}
	return s
}

func (p *Processor) partitionStatus(session *session, partition int32) PartitionStatus {
	s := PartitionStatus{Partition: partition}
	for tp, c := range session.claims {
		if tp.partition != partition {
			continue
		}
		finished, _ := c.uncommitted()
		processed, _ := p.lag.rest(tp, finished)
		committed, since := p.lag.rest(tp, c.position())
		s.LagProcessed += processed
		s.LagCommitted += committed
		if !since.IsZero() {
			s.Behind = max(s.Behind, time.Since(since))
		}
	}
	s.Restored = p.restored(session.life, partition)
	return s
}

// standby is how far the copies of rows that no session of ours owns are.
func (p *Processor) standby(r *replica) (s Standby) {
	for partition, next := range r.followed() {
		missing, _ := p.lag.rest(topicPartition{p.table, partition}, next)
		s.Partitions++
		s.Missing += missing
	}
	return s
}

// restored is how far the local rows of a partition are.
func (p *Processor) restored(l *life, partition int32) Progress {
	if l.replica == nil {
		return Progress{}
	}
	next, owned := l.replica.progress(partition)
	to := Progress{next, next}
	if !owned {
		rest, _ := p.lag.rest(topicPartition{p.table, partition}, next)
		to.End += rest
	}
	return to
}
