package stream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// storeDirs are the directories of an instance's stores.
func (w *world) storeDirs(instance, use string) []string {
	w.t.Helper()
	dirs, err := filepath.Glob(filepath.Join(w.dir, instance, "*", "*", use, "*"))
	if err != nil || len(dirs) != 4 {
		w.t.Fatalf("stores %v: %v", dirs, err)
	}
	return dirs
}

func TestStore_Damaged_IsFilledAgain(t *testing.T) {
	wrong := func(name string) error { return os.WriteFile(name, []byte("x"), 0o600) }
	empty := func(name string) error { return os.Truncate(name, 0) }
	type damage struct {
		files string
		do    func(name string) error
	}
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	for _, damages := range [][4]damage{ // one a partition
		{{"CURRENT", os.Remove}, {"CURRENT", wrong}, {"CURRENT", empty}, {"*", scribble}},
		{{"MANIFEST-*", os.Remove}, {"MANIFEST-*", halve}, {"*.log", os.Remove}, {"*.log", halve}},
		{{"*.log", scribble}, {"*.ldb", os.Remove}, {"*.ldb", halve}, {"*.ldb", scribble}}, // the last are noticed when they are read
	} {
		for range 2 { // the second time, what the journal holds becomes a file of rows
			_, p := w.process(c, ProcessorConfig{Graph: w.counting()})
			v, view := w.view(c, ViewConfig{})
			w.send(300)
			w.awaitExact(v)
			p.stop()
			view.stop()
		}
		for _, dirs := range [][]string{w.storeDirs("a", "processor"), w.storeDirs("a", "view")} {
			for i, d := range damages {
				if err := each(dirs[i], d.files, d.do); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.send(300)
	}
	w.process(c, ProcessorConfig{Graph: w.counting()})
	v, _ := w.view(c, ViewConfig{})
	w.awaitExact(v)
	w.checkEvents()
}

// each does something to files, of which there must be one.
func each(dir, pattern string, do func(name string) error) error {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if len(names) == 0 {
		err = fmt.Errorf("no %s in %s", pattern, dir)
	}
	for _, name := range names {
		err = errors.Join(err, do(name))
	}
	return err
}

// halve cuts a file in half.
func halve(name string) error {
	info, err := os.Stat(name)
	return errors.Join(err, os.Truncate(name, info.Size()/2))
}

// scribble overwrites the middle of a file.
func scribble(name string) error {
	b, err := os.ReadFile(name)
	for i := len(b) / 3; i < len(b)/2; i++ {
		b[i] ^= 0x55
	}
	return errors.Join(err, os.WriteFile(name, b, 0o600))
}

func TestStore_OfAnother_IsFilledAgain(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	c := w.dial("a")
	_, p := w.process(c, ProcessorConfig{Graph: w.counting()})
	v, view := w.view(c, ViewConfig{})
	w.send(500)
	w.awaitExact(v)
	p.stop()
	view.stop()
	mine, read := w.storeDirs("a", "processor"), w.storeDirs("a", "view")
	for _, swap := range [][2]string{{mine[0], mine[1]}, {mine[2], read[2]}, {read[0], read[1]}} {
		aside := filepath.Join(w.dir, "aside")
		if err := errors.Join(os.Rename(swap[0], aside), os.Rename(swap[1], swap[0]), os.Rename(aside, swap[1])); err != nil {
			t.Fatal(err)
		}
	}
	w.send(500)
	w.process(c, ProcessorConfig{Graph: w.counting()})
	v, _ = w.view(c, ViewConfig{})
	w.awaitExact(v)
	w.checkEvents()
}

func TestStore_OfBeforeTheMachineWasStarted_IsOfNoUse(t *testing.T) {
	dir := t.TempDir()
	for _, of := range []struct {
		boot string
		ok   bool
	}{{"monday", true}, {"monday", true}, {"tuesday", false}, {"", false}} {
		s, err := newStore(dir, "test", of.boot, func(err error) { t.Error(err) })
		if (err == nil) != of.ok {
			t.Fatalf("opened on %q: %v", of.boot, err)
		}
		if err == nil {
			if err := errors.Join(s.Set("k", []byte("v")), s.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestStore_DeletedUnderARunningProcessor_NothingIsLostOrDoubled(t *testing.T) {
	eachGuarantee(t, func(t *testing.T, w *world) {
		c := w.dial("a")
		_, p := w.process(c, ProcessorConfig{Graph: w.counting()})
		v, view := w.view(c, ViewConfig{})
		w.send(500)
		w.awaitExact(v)
		if err := os.RemoveAll(filepath.Join(w.dir, "a")); err != nil {
			t.Fatal(err)
		}
		w.send(500)
		w.awaitExact(v)
		p.stop()
		view.stop()
		w.send(500)
		w.process(c, ProcessorConfig{Graph: w.counting()})
		v, _ = w.view(c, ViewConfig{})
		w.awaitExact(v)
		w.checkEvents()
	})
}

func TestStore_FailsWhileOpen_IsDeletedUnlessItsPlaceIsAtFault(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(dir string) error
		place   bool
	}{
		"deleted": {os.RemoveAll, false},
		"full": {func(dir string) (err error) {
			for n := 10; n > 0; n-- { // among them is its next journal
				err = errors.Join(err, os.Symlink("/dev/full", filepath.Join(dir, fmt.Sprintf("%06d.log", n+5))))
			}
			return err
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			failed := make(chan error, 100)
			s, err := newStore(dir, "test", "", func(err error) { failed <- err })
			if err != nil {
				t.Fatal(err)
			}
			if err := test.happens(dir); err != nil {
				t.Fatal(err)
			}
			for n := 0; len(failed) == 0; n++ {
				_ = s.Set(strconv.Itoa(n), make([]byte, 1<<16)) // until it needs another file
			}
			if err := <-failed; errors.Is(err, errDir) != test.place {
				t.Errorf("it failed with %v", err)
			}
			if err := s.Close(); err != nil {
				t.Log(err)
			}
			if _, err := os.Stat(dir); (err == nil) != test.place {
				t.Errorf("it is there: %v", err)
			}
		})
	}
}

func TestStore_DiskIsFull_EndsItsInstanceAndAnotherTakesOver(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	disk := filepath.Join(w.dir, "a")
	if err := errors.Join(os.Mkdir(disk, 0o700), syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m")); err != nil {
		t.Skip("only root can mount a small disk: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	a, b := w.dial("a"), w.dial("b")
	p, err := a.NewProcessor(ProcessorConfig{Graph: w.counting()})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	v, _ := w.view(b, ViewConfig{})
	w.send(500)
	w.awaitExact(v)
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	for full := false; !full; {
		w.send(200)
		w.await("it has counted them or ended", func() bool {
			select {
			case err = <-ended:
				full = true
			default:
			}
			return full || counted(v) >= int(w.sent.Load())
		})
	}
	if err == nil || !strings.Contains(err.Error(), "STATE_DIR") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("it ended with %v", err)
	}
	_, successor := w.process(b, ProcessorConfig{Graph: w.counting()})
	w.awaitExact(v)
	successor.stop()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	w.send(200)
	w.process(a, ProcessorConfig{Graph: w.counting()})
	w.awaitExact(v)
	w.checkEvents()
}

func TestStore_DirectoryCannotBeMade_EndsRun(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	if err := os.WriteFile(filepath.Join(w.dir, "a"), nil, 0o600); err != nil { // where a directory should be
		t.Fatal(err)
	}
	c := w.dial("a")
	p, err := c.NewProcessor(ProcessorConfig{Graph: w.counting()})
	if err != nil {
		t.Fatal(err)
	}
	v, err := c.NewView(ViewConfig{Topic: w.in, Codec: textCodec{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func(context.Context) error{"processor": p.Run, "view": v.Run} {
		if err := run(t.Context()); err == nil || !strings.Contains(err.Error(), "STATE_DIR") {
			t.Errorf("the %s ended with %v", name, err)
		}
	}
}

func TestStore_WithAnOffsetOutsideItsTopic_IsDiscarded(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	w.send(200)
	if err := w.producer().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, ends, err := w.admin.bounds(t.Context(), []string{w.in})
	if err != nil {
		t.Fatal(err)
	}
	cut := kadm.Offsets{}
	cut.AddOffset(w.in, 0, 10, -1)
	if _, err := w.admin.adm.DeleteRecords(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	end := ends[topicPartition{w.in, 0}]
	for _, test := range []struct {
		offset int64
		kept   bool
	}{{8, false}, {9, true}, {end - 1, true}, {end, false}, {1 << 40, false}} {
		s, err := w.admin.openStore(t.Context(), w.in, 0, "view", func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Set("k", []byte("v")), s.MarkRecovered(), s.SetOffset(test.offset), s.Close()); err != nil {
			t.Fatal(err)
		}
		if s, err = w.admin.openStore(t.Context(), w.in, 0, "view", func(err error) { t.Error(err) }); err != nil {
			t.Fatal(err)
		}
		if has, err := s.Has("k"); has != test.kept || err != nil {
			t.Errorf("up to %d of %d: the row is there: %v (%v), want %v", test.offset, end, has, err, test.kept)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStore_DamageSeenByAnIterator_IsToldToItsOwner(t *testing.T) {
	dir := t.TempDir()
	fill := func(trouble func(error)) *store {
		s, err := newStore(dir, "test", "", trouble)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := fill(func(err error) { t.Error(err) })
	for n := range 1000 {
		if err := s.Set(strconv.Itoa(n), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var failed error
	s = fill(func(err error) { failed = err }) // which makes a file of rows
	if err := errors.Join(s.Close(), each(dir, "*.ldb", scribble)); err != nil {
		t.Fatal(err)
	}
	s = fill(func(err error) { failed = err })
	it := s.rows(nil, nil)
	for it.Next() {
	}
	it.Release()
	if failed == nil {
		t.Error("nobody was told")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestStore_UnusedForLong_IsDiscarded(t *testing.T) {
	for _, test := range []struct {
		unused time.Duration
		kept   bool
	}{{storeAge - time.Hour, true}, {storeAge + time.Hour, false}} {
		t.Run(test.unused.String(), func(t *testing.T) {
			w := newWorld(t, ExactlyOnce)
			fail := func(err error) { t.Error(err) }
			s, err := w.admin.openStore(t.Context(), w.in, 0, "view", fail)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Set("k", []byte("v")); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			then := time.Now().Add(-test.unused)
			if err := os.Chtimes(s.dir, then, then); err != nil {
				t.Fatal(err)
			}
			if s, err = w.admin.openStore(t.Context(), w.in, 0, "view", fail); err != nil {
				t.Fatal(err)
			}
			if has, err := s.Has("k"); has != test.kept || err != nil {
				t.Errorf("the row is there: %v (%v), want %v", has, err, test.kept)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestStore_TopicMadeAnew_StartsEmpty(t *testing.T) {
	w := newWorld(t, ExactlyOnce)
	topic := Topic{Name: w.group + "-x", Partitions: 1}
	var dirs []string
	for range 2 {
		w.ensure(topic)
		s, err := w.admin.openStore(t.Context(), topic.Name, 0, "view", func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		if has, err := s.Has("k"); has || err != nil {
			t.Errorf("there is a row (%v)", err)
		}
		if err := s.Set("k", []byte("v")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, s.dir)
		if _, err := w.admin.adm.DeleteTopic(t.Context(), topic.Name); err != nil {
			t.Fatal(err)
		}
		w.await("the topic is gone", func() bool {
			there, err := w.admin.adm.ListTopics(t.Context(), topic.Name)
			return err == nil && !there.Has(topic.Name)
		})
	}
	if dirs[0] == dirs[1] {
		t.Error("both have one directory")
	}
}

func TestStore_KeysThatLookLikeItsOwn_AreRows(t *testing.T) {
	s := testStore(t)
	for _, key := range []string{"o", "r", "__offset", ""} {
		if err := s.Set(key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetOffset(7); err != nil {
		t.Fatal(err)
	}
	var keys []string
	it := s.rows(nil, nil)
	defer it.Release()
	for it.Next() {
		keys = append(keys, string(it.Key()))
	}
	if len(keys) != 4 || keys[0] != "" || keys[1] != "__offset" {
		t.Errorf("keys %q", keys)
	}
}

func testStore(t *testing.T) *store {
	t.Helper()
	s, err := newStore(t.TempDir(), "test", "", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
