package chaos

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"countersign/stream"
)

func TestStore_DamagedBetweenTwoStarts_StaysExact(t *testing.T) {
	for _, c := range []struct {
		title  string
		damage func(file string) error
	}{
		{"local store deleted", func(file string) error { return os.RemoveAll(filepath.Dir(file)) }},
		{"local store cut", cut},
		{"local store corrupted", corrupt},
	} {
		t.Run(c.title, func(t *testing.T) {
			w := newWorld(t, c.title, stream.ExactlyOnce)
			a := w.start("a")
			for range w.scaled(5, 2) {
				w.progress(rate)
				w.kill(a)
				for _, file := range w.files(a) {
					if err := c.damage(file); err != nil {
						t.Fatal(err)
					}
				}
				a.start()
			}
			w.finish()
		})
	}
}

func TestStore_DeletedUnderARunningInstance_StaysExact(t *testing.T) {
	w := newWorld(t, "local store deleted while it is in use", stream.ExactlyOnce)
	a := w.start("a")
	for range w.scaled(3, 1) {
		w.progress(rate)
		w.fault()
		if err := os.RemoveAll(a.dir); err != nil {
			t.Fatal(err)
		}
		w.progress(rate)
		w.kill(a)
		a.start()
	}
	w.finish()
}

// files are those in an instance's local stores.
func (w *world) files(i *instance) []string {
	files, err := filepath.Glob(filepath.Join(i.dir, "*", "*", "*", "*", "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}

// cut takes a random part off the end of every third file.
func cut(file string) error {
	info, err := os.Stat(file)
	if err != nil || info.Size() == 0 || rand.IntN(3) > 0 {
		return err
	}
	return os.Truncate(file, rand.Int64N(info.Size()))
}

// corrupt changes a byte in every third file.
func corrupt(file string) error {
	b, err := os.ReadFile(file)
	if err != nil || len(b) == 0 || rand.IntN(3) > 0 {
		return err
	}
	b[rand.IntN(len(b))] ^= 0xff
	return os.WriteFile(file, b, 0o600)
}
