package mail

import (
	"strings"
	"testing"
)

func TestRecall_EndsWhatHasNotLeft_AndLeavesAContentUntilItIsCut(t *testing.T) {
	// + begins, h hands over, - may not, x is ended from outside.
	for happens, want := range map[string]string{
		"begin off":                 "+x",
		"begin off hand":            "+x-",
		"begin hand off":            "+h",
		"begin hand off cut":        "+hx",
		"begin cut":                 "+x",
		"begin over off cut":        "+",
		"begin hand over begin off": "+h+x",
		"begin hand cut over begin": "+hx-",
		"begin hand off over begin": "+h-",
		"off begin":                 "-",
		"off begin cut":             "-",
	} {
		var r recall
		got := ""
		note := func(permitted bool, mark string) {
			if !permitted {
				mark = "-"
			}
			got += mark
		}
		for _, step := range strings.Fields(happens) {
			switch step {
			case "begin":
				note(r.begins(func() { got += "x" }), "+")
			case "hand":
				note(r.hands(), "h")
			case "over":
				r.over()
			case "off":
				r.callOff()
			case "cut":
				r.cut()
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", happens, got, want)
		}
	}
}

func TestRecall_TellsWhetherItEndedTheConversation(t *testing.T) {
	var r recall
	r.begins(func() {})
	if !r.over() {
		t.Error("one that ended by itself is taken for ended from outside")
	}
	r.begins(func() {})
	r.callOff()
	if r.over() {
		t.Error("one that was ended from outside is taken for ended by itself")
	}
}
