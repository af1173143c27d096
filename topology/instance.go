// Package topology is who runs Countersign, and what each instance owns: what an
// instance tells of itself, and what all of that makes together. It is pure, it
// asks no clock and no Kafka, and it must know nothing of accounts: no key, no
// value and no address ever stands in it.
//
//	instance.go   what an instance tells: the record of the topic instances
//	topology.go   all of them together
package topology

import (
	"strings"
	"time"
)

// Interval is how often an instance tells of itself.
const Interval = 2 * time.Second

// Instance is what a process tells of itself.
type Instance struct {
	Name         string    `json:"instance" doc:"INSTANCE_ID."`
	Roles        []string  `json:"roles" doc:"api, users, notifier."`
	Version      string    `json:"version" doc:"Of the build."`
	Host         string    `json:"host"`
	PID          int       `json:"pid"`
	InternalAddr string    `json:"internal_addr" doc:"INTERNAL_ADDR."`
	StartedAt    time.Time `json:"started_at"`
	At           time.Time `json:"at" doc:"When it told this, by its own clock."`
	Parts        []Part    `json:"parts" doc:"As in /readyz."`
	Groups       []Group   `json:"groups" doc:"Of which it is a member."`
}

// Key is the key of the instance's record. Roles with one name between them have one each.
func (i Instance) Key() string { return strings.Join(i.Roles, "+") + "/" + i.Name }

// Part is how one part of a process is.
type Part struct {
	Name          string  `json:"name"`
	Ready         bool    `json:"ready"`
	Reason        string  `json:"reason,omitempty" doc:"What is missing."`
	BehindSeconds float64 `json:"behind_seconds"`
}

// Group is how a process does in a consumer group.
type Group struct {
	Group         string       `json:"group"`
	Ready         bool         `json:"ready"`
	Reason        string       `json:"reason,omitempty"`
	Since         time.Time    `json:"since" doc:"When ready last changed."`
	BehindSeconds float64      `json:"behind_seconds"`
	Generation    int32        `json:"generation" doc:"Of the group, by which the partitions are its own."`
	Partitions    []Partition  `json:"partitions"`
	Standby       Standby      `json:"standby" doc:"Its copy of the rows of partitions that are not its own."`
	LastRebalance *Rebalance   `json:"last_rebalance,omitempty"`
	LastFailure   *Failure     `json:"last_failure,omitempty"`
	Transactions  Transactions `json:"transactions"`
}

// Partition is how far an owned partition is, over all inputs of its group.
type Partition struct {
	Partition     int32   `json:"partition"`
	RestoredTo    int64   `json:"restored_to" doc:"Offset of the table before which all is in the local store."`
	RestoreEnd    int64   `json:"restore_end" doc:"Offset of the table at which the partition is restored."`
	LagProcessed  int64   `json:"lag_processed" doc:"Input records that are not processed."`
	LagCommitted  int64   `json:"lag_committed" doc:"Input records whose processing is not committed."`
	BehindSeconds float64 `json:"behind_seconds"`
}

// Standby is how far that copy is.
type Standby struct {
	Partitions int   `json:"partitions"`
	Missing    int64 `json:"missing" doc:"Records of the table that are not in it."`
}

// Rebalance is the last one after which the process went on.
type Rebalance struct {
	At     time.Time `json:"at"`
	GapMS  float64   `json:"gap_ms" doc:"How long it processed nothing. 0 for the first."`
	Gained []int32   `json:"gained"`
	Lost   []int32   `json:"lost"`
}

// Failure is the last one after which the processor began anew.
type Failure struct {
	At       time.Time `json:"at"`
	Reason   string    `json:"reason"`
	Restarts int       `json:"restarts" doc:"Since the process started."`
}

// Transactions are counted since the process started; how long they took is of the last 1,000.
type Transactions struct {
	Committed int64   `json:"committed"`
	Left      int64   `json:"left"`
	LastMS    float64 `json:"last_ms"`
	P50MS     float64 `json:"p50_ms"`
	P99MS     float64 `json:"p99_ms"`
}
