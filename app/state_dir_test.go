package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateDir_IsOneProcessesOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	unlock, err := lockStateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockStateDir(dir); err == nil || !strings.Contains(err.Error(), "STATE_DIR "+dir+" is used by another process") {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	again, err := lockStateDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestStateDir_KeepsWhatIsMadeOnce_ForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	first, err := kept(dir, "secret", NewSecret)
	if err != nil {
		t.Fatal(err)
	}
	second, err := kept(dir, "secret", NewSecret)
	if err != nil || second != first {
		t.Errorf("the second time it is another: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file is %v, %v", info.Mode(), err)
	}
}
