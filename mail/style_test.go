package mail

import "testing"

func TestInline_AnElement_GetsTheRulesOfItsTagAndClasses(t *testing.T) {
	rules := styles("/* p { color:red } */\np { margin:0 0 16px; }\n.quiet{color:#555}\n.big { font-size:\n 2em }\n")
	for element, want := range map[string]string{
		`<p>`:                                    `<p style="margin:0 0 16px">`,
		`<p class="quiet big">`:                  `<p class="quiet big" style="margin:0 0 16px;color:#555;font-size: 2em">`,
		`<a class="quiet" style="color:{{.C}}">`: `<a class="quiet" style="color:#555;color:{{.C}}">`,
		`<a href="{{.Link}}">{{if .X}}</a>`:      `<a href="{{.Link}}">{{if .X}}</a>`,
		`<pre class="other">`:                    `<pre class="other">`,
	} {
		if got := rules.inline(element); got != want {
			t.Errorf("%s: %s, want %s", element, got, want)
		}
	}
}
