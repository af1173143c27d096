package stream

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
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
	for name, damage := range map[string]func(dir string) error{
		"manifest": func(dir string) error { return os.WriteFile(filepath.Join(dir, "CURRENT"), []byte("x"), 0o600) },
		"journal":  func(dir string) error { return scribble(dir, "*.log") },
		"empty":    func(dir string) error { return os.Truncate(filepath.Join(dir, "CURRENT"), 0) },
		"all":      func(dir string) error { return scribble(dir, "*") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ExactlyOnce)
			c := w.dial("a")
			_, p := w.process(c, ProcessorConfig{Graph: w.counting()})
			v, view := w.view(c, ViewConfig{})
			w.send(500)
			w.awaitExact(v)
			p.stop()
			view.stop()
			for _, dir := range append(w.storeDirs("a", "processor"), w.storeDirs("a", "view")...) {
				if err := damage(dir); err != nil {
					t.Fatal(err)
				}
			}
			w.send(500)
			w.process(c, ProcessorConfig{Graph: w.counting()})
			v, _ = w.view(c, ViewConfig{})
			w.awaitExact(v)
			w.checkEvents()
		})
	}
}

// scribble overwrites the middle of files.
func scribble(dir, pattern string) error {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	for _, name := range names {
		b, e := os.ReadFile(name)
		for i := len(b) / 3; i < len(b)/2; i++ {
			b[i] ^= 0x55
		}
		err = errors.Join(err, e, os.WriteFile(name, b, 0o600))
	}
	return err
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
	s, err := newStore(t.TempDir(), func(err error) { t.Error(err) })
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
