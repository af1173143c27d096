package views_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/topics"
	"countersign/views"
)

// failed is a letter about the nth record of a topic, from so long ago.
func failed(n int, ago time.Duration) topics.DeadLetter {
	at := time.Now().Add(-ago)
	return topics.DeadLetter{
		Topic: topics.UserCommands, Offset: int64(n), Group: topics.UserService, RecordedAt: at, At: at,
		Key: fmt.Sprintf("ada%d@example.com", n), Value: []byte("no json"),
	}.PutAside(errors.New("no JSON"))
}

func TestDeadLetters_AreShownByID_InTheOrderOfTheirTime_ForFourteenDays(t *testing.T) {
	cluster, emitter := kafka(t, topics.DeadLetters, 3)
	put := func(key string, value []byte, headers map[string][]byte) {
		t.Helper()
		if err := emitter.Emit(t.Context(), topics.DeadLetters, key, value, headers); err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	letters := []topics.DeadLetter{failed(0, 15*day), failed(1, 13*day), failed(2, day), failed(3, time.Hour)}
	for _, i := range []int{2, 0, 3, 1} {
		put(letters[i].Record())
	}
	put("somebody's", []byte("no letter"), nil)
	view, err := views.NewDeadLetters(cluster)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, view.Run, func() bool { return view.Health().Ready })

	after := func(id string) (ids []string) {
		t.Helper()
		for letter, err := range view.After(id) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, letter.ID)
		}
		return ids
	}
	if got, want := after(""), []string{letters[1].ID, letters[2].ID, letters[3].ID}; !slices.Equal(got, want) {
		t.Errorf("letters %v, want %v", got, want)
	}
	if got := after(letters[2].ID); !slices.Equal(got, []string{letters[3].ID}) {
		t.Errorf("after the third: %v", got)
	}
	for i, want := range []bool{false, true, true, true} {
		if got, found, err := view.Get(letters[i].ID); found != want || err != nil || found && string(got.Value) != "no json" {
			t.Errorf("letter %d: %+v, %v, %v", i, got, found, err)
		}
	}
	if _, found, err := view.Get(letters[1].ID[:8]); found || err != nil {
		t.Errorf("part of an id: found %v, %v", found, err)
	}

	key, headers := letters[2].Retried(time.Now(), "by")
	put(key, nil, headers)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		got, _, err := view.Get(letters[2].ID)
		if err != nil || time.Now().After(end) {
			t.Fatalf("letter %+v, %v", got, err)
		}
		if !got.RetriedAt.IsZero() {
			break
		}
	}
}
