package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockStateDir makes the directory and keeps every other process out of it
// until unlock is called or this process ends, however it ends.
func lockStateDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("STATE_DIR: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("STATE_DIR: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("STATE_DIR %s is used by another process: give each instance its own", dir)
		}
		return nil, fmt.Errorf("STATE_DIR %s cannot be locked: %w", dir, err)
	}
	return func() { f.Close() }, nil
}

// kept returns the text of a file in STATE_DIR, which is made on first use.
func kept(dir, name string, make func() string) (string, error) {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("STATE_DIR: %w", err)
	}
	made := make()
	// A file that was begun and not finished must not count: write beside it, then rename.
	part := path + ".part"
	if err := os.WriteFile(part, []byte(made+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("STATE_DIR: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return "", fmt.Errorf("STATE_DIR: %w", err)
	}
	return made, nil
}

// newInstanceID makes a name that no other instance has.
func newInstanceID() string {
	return "i-" + strings.ToLower(rand.Text()[:12])
}
