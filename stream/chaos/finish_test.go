package chaos

// What is held here, at the end of every scenario:
//   - every command is processed, no transaction is open, and every instance that runs stops well;
//   - the audit is exact, and the ledger agrees;
//   - what an aborted transaction wrote is in no local store and no view, and was not whenever somebody looked;
//   - each partition's last owner has its rows as the table has them, and so has an instance that begins with nothing,
//     from the table as it is and from a compacted one.

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// finish ends the load, waits until everything is settled, stops who still runs, and compares.
func (w *world) finish() {
	w.t.Helper()
	w.settle()
	w.stop()
	w.audit()
	w.checkView()
	w.checkOwners()
	w.rebuild("from-the-table")
	w.compact()
	w.audit()
	w.rebuild("from-the-compacted-table")
	if !w.t.Failed() {
		w.row.ok = "yes"
	}
}

// settle waits until every command is processed and no transaction is open.
func (w *world) settle() {
	w.t.Helper()
	w.load.stop()
	w.awaitProcessed()
	w.awaitNothingHangs()
	w.row.gap = w.watch.gap(w.load.at)
}

func (w *world) awaitProcessed() {
	w.t.Helper()
	await(w.t, "every command is processed", func() (bool, error) {
		ends, err := w.kafka.ListEndOffsets(w.t.Context(), w.topics.Commands)
		if err = errors.Join(err, ends.Error()); err != nil {
			return false, err
		}
		offsets, err := w.kafka.FetchOffsets(w.t.Context(), w.group)
		processed := true
		ends.Each(func(end kadm.ListedOffset) {
			at, _ := offsets.Lookup(end.Topic, end.Partition)
			processed = processed && at.At >= end.Offset
		})
		return processed, err
	})
}

func (w *world) awaitNothingHangs() {
	w.t.Helper()
	await(w.t, "no transaction is open", func() (bool, error) {
		hanging, err := w.kafka.hanging(w.t.Context(), w.group, w.topics.Commands, w.topics.Events, w.topics.Table)
		return !hanging, err
	})
}

// stop stops who still runs.
func (w *world) stop() {
	w.t.Helper()
	for _, i := range w.all {
		if !i.over() {
			i.stop()
		}
		w.look(i)
	}
	w.awaitNothingHangs()
}

// audit reads the topics and compares them with each other, with the ledger, and with what local stores ever had.
func (w *world) audit() {
	w.t.Helper()
	w.read()
	if !w.row.verdict.exact() {
		w.t.Errorf("not exact: %v", w.row.verdict)
	}
	committed := map[Count]bool{}
	for _, e := range w.events {
		committed[e.Count] = true
	}
	for c := range w.found {
		if !committed[c] {
			w.t.Errorf("a local store had %+v, which was never committed", c)
		}
	}
}

// read reads the topics as they are now.
func (w *world) read() {
	w.t.Helper()
	var commands []command
	for _, r := range w.kafka.read(w.topics.Commands, kgo.ReadUncommitted()) {
		commands = append(commands, command{string(r.Key), string(r.Value)})
	}
	for _, wrong := range reconcile(commands, w.load.answers) {
		w.t.Error(wrong)
	}
	events := w.kafka.read(w.topics.Events, kgo.ReadCommitted())
	rows := w.kafka.read(w.topics.Table, kgo.ReadCommitted())
	w.events, w.table, w.places = nil, map[int32]map[string]Count{}, map[place]bool{}
	for _, r := range events {
		w.events = append(w.events, event{string(r.Key), w.count(r.Value)})
	}
	whole := map[string]Count{}
	for _, r := range rows {
		if w.table[r.Partition] == nil {
			w.table[r.Partition] = map[string]Count{}
		}
		whole[string(r.Key)] = w.count(r.Value)
		w.table[r.Partition][string(r.Key)] = whole[string(r.Key)]
		w.places[place{r.Partition, r.Offset}] = true
	}
	w.row.commands, w.row.verdict = len(commands), audit(commands, w.events, whole)
	// A compacted table has none of them any more.
	w.row.aborted = max(w.row.aborted, len(w.kafka.read(w.topics.Events, kgo.ReadUncommitted()))-len(events)+
		len(w.kafka.read(w.topics.Table, kgo.ReadUncommitted()))-len(rows))
}

func (w *world) count(value []byte) Count {
	w.t.Helper()
	c, err := CountCodec{}.Decode(value)
	if err != nil {
		w.t.Fatalf("%q: %v", value, err)
	}
	return c.(Count)
}

// checkView compares the view that ran beside everything, and every record that it ever applied.
func (w *world) checkView() {
	w.t.Helper()
	want := 0
	for _, rows := range w.table {
		want += len(rows)
	}
	await(w.t, "the view has the table", func() (bool, error) {
		right := 0
		for row, err := range w.view.Rows("", "") {
			if err != nil {
				return false, err
			}
			if row.Value == w.table[row.Partition][row.Key] {
				right++
			}
		}
		return right == want, nil
	})
	if n := w.shown.beyond(w.places); n > 0 {
		w.t.Errorf("a view showed %d rows that were never committed", n)
	}
}

// checkOwners looks for an instance that has a partition's rows as they are in the table.
func (w *world) checkOwners() {
	w.t.Helper()
	for partition, want := range w.table {
		owned := false
		for _, i := range w.all {
			owned = owned || maps.Equal(want, w.stored(i, "processor", partition))
		}
		if !owned {
			w.t.Errorf("no instance has partition %d as it is in the table", partition)
		}
	}
}

// stored are the rows of a partition in an instance's local store.
func (w *world) stored(i *instance, use string, partition int32) map[string]Count {
	for _, dir := range i.stores(use) {
		if filepath.Base(dir) == strconv.Itoa(int(partition)) {
			return rows(w.t, dir)
		}
	}
	return nil
}

// rebuild starts an instance that has nothing, and compares what it makes of the table.
func (w *world) rebuild(name string) {
	w.t.Helper()
	i := w.start(name)
	i.stop()
	for partition, want := range w.table {
		for _, use := range []string{"processor", "view"} {
			if have := w.stored(i, use, partition); !maps.Equal(want, have) {
				w.t.Errorf("%s, the %s has %d rows in partition %d, not the %d of the table", name, use, len(have), partition, len(want))
			}
		}
	}
}

// compact counts a few commands more now and then, so that the table's segments roll, until Kafka has compacted it.
// Not all the time: then one cleaner would never be done with several such tables.
func (w *world) compact() {
	w.t.Helper()
	set := func(name, value string) kadm.AlterConfig { return kadm.AlterConfig{Name: name, Value: &value} }
	_, err := w.kafka.AlterTopicConfigs(w.t.Context(), []kadm.AlterConfig{
		set("segment.ms", "100"), set("min.cleanable.dirty.ratio", "0"),
	}, w.topics.Table)
	if err != nil {
		w.t.Fatal(err)
	}
	before := len(w.places)
	i := w.start("compacting")
	var rolled time.Time
	await(w.t, fmt.Sprintf("the table of %d records is compacted", before), func() (bool, error) {
		if time.Since(rolled) > 5*time.Second {
			w.load.once()
			w.awaitProcessed()
			rolled = time.Now()
		}
		time.Sleep(200 * time.Millisecond) // reading a table is work for the broker, too
		return len(w.kafka.read(w.topics.Table, kgo.ReadCommitted())) < 4*keys, nil
	})
	i.stop()
	w.awaitNothingHangs()
}
