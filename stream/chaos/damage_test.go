package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"countersign/stream"
)

func TestStore_DamagedBetweenTwoStarts_StaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "local store deleted, cut or corrupted while its instance is dead", stream.ExactlyOnce)
	damages := []func(file string) error{
		cut,
		corrupt,
		func(file string) error { return os.RemoveAll(filepath.Dir(file)) }, // last: damage in what nobody reads stays
	}
	a := w.start("a")
	for range w.scaled(4, 1) {
		for _, damage := range damages {
			w.progress(rate)
			w.fault()
			w.kill(a)
			for _, file := range w.files(a) {
				if err := damage(file); err != nil {
					t.Fatal(err)
				}
			}
			a.start()
		}
	}
	w.finish()
}

func TestStore_DeletedUnderARunningInstance_StaysExact(t *testing.T) {
	t.Parallel()
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

func TestStore_DiskFull_EndsTheInstanceAndStaysExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "disk of the local store full", stream.ExactlyOnce)
	disk := filepath.Join(w.dir, "a")
	w.mount(disk)
	a, b := w.start("a"), w.start("b")
	for range w.scaled(3, 1) {
		w.progress(rate)
		w.fault()
		rest := filepath.Join(disk, "rest")
		if err := fill(rest); err != nil {
			t.Fatal(err)
		}
		w.awaitRefusal(a, "STATE_DIR")
		w.look(a)
		w.awaitMembers(b)
		w.progress(rate)
		if err := os.Remove(rest); err != nil {
			t.Fatal(err)
		}
		a.start()
		w.awaitMembers(a, b)
	}
	w.finish()
}

// mount makes a small disk.
func (w *world) mount(dir string) {
	w.t.Helper()
	if os.Geteuid() != 0 {
		w.skip("only root may mount a small disk")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir).CombinedOutput(); err != nil {
		w.skip(fmt.Sprintf("no small disk can be mounted here: %v: %s", err, out))
	}
	w.t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", dir).CombinedOutput(); err != nil {
			w.t.Errorf("unmount %s: %v: %s", dir, err, out)
		}
	})
}

// fill makes a file that leaves no room on its disk.
func fill(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for some := make([]byte, 4096); err == nil; {
		_, err = f.Write(some)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}

// awaitRefusal waits until an instance has ended by itself, with an error that says why.
func (w *world) awaitRefusal(i *instance, why string) {
	w.t.Helper()
	await(w.t, i.name+" has ended", func() (bool, error) { return i.over(), nil })
	if last := i.out.tail(); i.err == nil || !strings.Contains(last, why) {
		w.t.Errorf("%s ended with %v, and does not say %s:\n%s", i.name, i.err, why, last)
	}
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
