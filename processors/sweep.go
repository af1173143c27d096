package processors

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"
	"github.com/sirupsen/logrus"

	"countersign/mail"
	"countersign/stream"
	"countersign/topics"
)

// Rules:
//   - a round looks at every row of the partitions that are ours. Of the users' table it changes none: it asks for a sweep of
//     those that are due, and user.Step decides;
//   - a row of the outbox that has nothing left to remember goes at once: without it the next event does the same;
//   - one round follows another after half an hour, and none does more than 5,000 rows: nobody waits for it. One that left
//     some is followed soon by the next, or nothing would keep what is personal from staying for longer than it may;
//   - the first comes when the group has had time to settle: a rebalance cuts a round short.

// sweep names the visit.
const sweep = "sweep"

const sweepEvery = 30 * time.Minute

// Sweeper has a group's rows looked at, round after round.
type Sweeper struct {
	Processor *stream.Processor
	Settle    time.Duration // before the first round, and after one that left rows, was cut short or came too early. Defaults to 2 min
	Most      int64         // rows that a round does. Defaults to 5,000
	Log       logrus.FieldLogger
}

// Run goes on until ctx ends. It returns nil then.
func (s Sweeper) Run(ctx context.Context) error {
	settle := cmp.Or(s.Settle, 2*time.Minute)
	wait := settle
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = sweepEvery
		r := &round{most: cmp.Or(s.Most, 5000)}
		err := s.Processor.VisitAll(ctx, sweep, r)
		if err != nil && ctx.Err() == nil {
			s.Log.WithError(err).Debug("rows not swept, trying again")
		}
		if err != nil || r.left() {
			wait = settle
		}
	}
}

// round counts the rows that were found due.
type round struct {
	most int64
	due  atomic.Int64
}

// takes says whether one more may be done.
func (r *round) takes() bool { return r.due.Add(1) <= r.most }

// left says whether there were more than that.
func (r *round) left() bool { return r.due.Load() > r.most }

// sweep asks for a sweep of the row it visits, if that is due. A row that cannot be read is left to who reads it next.
func (u users) sweep(ctx goka.Context, meta any) {
	row, err := storedRow[userRow](ctx)
	now := time.Now()
	if err != nil || !row.Due(u.Policy, now) || !meta.(*round).takes() {
		return
	}
	c := row.Sweep(u.Policy, now)
	value, err := topics.Encode(c)
	if err != nil {
		u.Log.WithError(err).Error("row not swept")
		return
	}
	headers := topics.Headers(c.ID, topics.UserCommands+"."+string(c.Type), topics.SourceUsers, now, nil)
	ctx.Emit(topics.UserCommands, c.Email, value, goka.WithCtxEmitHeaders(headers))
}

// sweep deletes the row it visits, if there is nothing left to remember.
func (m mailer) sweep(ctx goka.Context, meta any) {
	if row, err := storedRow[mail.Outbox](ctx); err == nil && row.Idle(time.Now()) && meta.(*round).takes() {
		ctx.Delete()
	}
}
