package processors_test

import (
	"testing"
	"time"

	"countersign/mail"
	"countersign/processors"
	"countersign/stream"
	"countersign/topics"
	"countersign/user"
)

const day = 24 * time.Hour

// seeds writes the row that commands have left which were recorded so long ago.
func (w *world) seeds(email string, ago time.Duration, commands ...user.CommandType) {
	w.t.Helper()
	var state user.State
	for _, kind := range commands {
		c := registration(w.t, email)
		c.Type = kind
		state, _, _ = user.Step(state, c, time.Now().Add(-ago))
	}
	w.says(topics.UserTable, email, encoded(w.t, state))
}

// row returns what the table holds of an address at last, nil if that is a tombstone, after it has n records.
func (w *world) row(table, email string, n int) (value []byte) {
	w.t.Helper()
	for _, r := range w.hears(table, n) {
		if string(r.Key) == email {
			value = r.Value
		}
	}
	return value
}

func TestSweep_RemovesWhatIsDue_AndLeavesNoRowThatIsNotNeeded(t *testing.T) {
	for _, guarantee := range []stream.Guarantee{stream.ExactlyOnce, stream.AtLeastOnce} {
		t.Run(string(guarantee), func(t *testing.T) {
			w := newWorld(t, guarantee)
			w.seeds("fresh@example.com", time.Hour, user.Register)
			w.seeds("unproven@example.com", 25*time.Hour, user.Register)
			w.seeds("erased@example.com", 24*day, user.Register, user.Erase)
			config := processors.UsersConfig{AtLeastOnce: guarantee == stream.AtLeastOnce}
			stop := w.sweeps(w.users(config), 0)

			deleted := w.hears(topics.UserAccountDeleted, 1)
			if e := event(t, deleted[0]); e.Email != "unproven@example.com" || e.UserID == "" || e.Sequence != 2 {
				t.Errorf("event %+v", e)
			}
			const written = 3 + 2 // rows, and what the sweeps made of two of them
			if row := w.row(topics.UserTable, "erased@example.com", written); row != nil {
				t.Errorf("left is %s", row)
			}
			if row := w.row(topics.UserTable, "fresh@example.com", written); row == nil {
				t.Error("what was not due is gone")
			}
			asked := w.hears(topics.UserCommands, 2)
			if header(asked[0], "ce_type") != "user_commands.sweep" || header(asked[0], "ce_source") != topics.SourceUsers {
				t.Errorf("headers %v", asked[0].Headers)
			}

			stop()
			w.forget(topics.UserService) // every sweep is read again
			w.runs(w.users(config), nil)
			r := registration(t, "erased@example.com")
			w.asks(r)
			if e := event(t, w.hears(topics.UserAccountCreated, 1)[0]); e.Email != r.Email || e.Sequence != 1 {
				t.Errorf("event %+v", e)
			}
			w.hears(topics.UserTable, written+1)
		})
	}
}

func TestSweep_OfTheOutbox_LeavesNoRowWithoutAMemory_HoweverManyARoundDoes(t *testing.T) {
	w := newWorld(t, stream.ExactlyOnce)
	past, later := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	idle := mail.Outbox{Done: []mail.Done{{ID: "m1", Until: past}}, Erased: mail.Erasure{Sequence: 3, Until: past}}
	w.says(topics.OutboxTable, "done@example.com", encoded(t, idle))
	w.says(topics.OutboxTable, "done.too@example.com", encoded(t, idle))
	w.says(topics.OutboxTable, "lately@example.com", encoded(t, mail.Outbox{Done: []mail.Done{{ID: "m2", Until: later}}}))
	w.says(topics.OutboxTable, "erased@example.com", encoded(t, mail.Outbox{Erased: mail.Erasure{Sequence: 3, Until: later}}))
	w.sweeps(w.mailer(nil), 1)
	const written = 4 + 2
	for email, stays := range map[string]bool{"done@example.com": false, "done.too@example.com": false, "lately@example.com": true, "erased@example.com": true} {
		if row := w.row(topics.OutboxTable, email, written); (row != nil) != stays {
			t.Errorf("%s: %s", email, row)
		}
	}
}
