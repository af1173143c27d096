package topics

import (
	"slices"
	"testing"

	"countersign/user"
)

func TestErasedRows_OutliveWhatCouldBringThemBack(t *testing.T) {
	i := slices.IndexFunc(All(), func(t Topic) bool { return t.Name == UserCommands })
	const segment = day
	if waits := All()[i].Keep + segment + DeadLettersKept + segment; user.ErasedKept < waits {
		t.Errorf("an erased row stays for %v, a command and its dead letter may wait for %v", user.ErasedKept, waits)
	}
}
