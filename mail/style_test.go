package mail

import (
	"strings"
	"testing"
)

func TestInline_AnElement_GetsTheRulesOfItsTagAndClasses(t *testing.T) {
	rules, err := styles(source{"styles.css", "/* p { color:red } */\np { margin:0 0 16px; }\n.quiet{color:#555}\n.big { font-size:\n 2em }\n.quiet { line-height:1; }"})
	if err != nil {
		t.Fatal(err)
	}
	for element, want := range map[string]string{
		`<p>`:                                    `<p style="margin:0 0 16px">`,
		`<P>`:                                    `<P style="margin:0 0 16px">`,
		`<p class="quiet big">`:                  `<p class="quiet big" style="margin:0 0 16px;color:#555;line-height:1;font-size: 2em">`,
		`<a class="quiet" style="color:{{.C}}">`: `<a class="quiet" style="color:#555;line-height:1;color:{{.C}}">`,
		"<p\nstyle=\"color:red\">":               "<p\nstyle=\"margin:0 0 16px;color:red\">",
		`<a href="{{.Link}}">{{if .X}}</a>`:      `<a href="{{.Link}}">{{if .X}}</a>`,
		`<pre class="other">`:                    `<pre class="other">`,
		`<a data-class='x'{{if .X}} href="a"{{end}}>`: `<a data-class='x'{{if .X}} href="a"{{end}}>`,
	} {
		if got, err := rules.inline(source{"a.html", element}); got.text != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", element, got.text, err, want)
		}
	}
}

func TestInline_AnElementWhoseClassesOrStyleAreNotFound_IsNamedWithFileAndLine(t *testing.T) {
	for _, element := range []string{
		`<p class='quiet'>`, `<p class=quiet>`, `<p CLASS="quiet">`, `<p class = "quiet">`, `<p style='color:red'>`, `<p style=color:red>`,
		`<p class="quiet{{if .Code}} big{{end}}">`, `<p class="{{if eq .Dir "rtl"}}quiet{{end}}">`, `<p{{if .Code}} class="quiet"{{end}}>`, `<p {{if .Code}}style="a"{{end}}>`,
		`<p class="quiet" class="big">`, `<p style="a:b" id="x" style="c:d">`,
	} {
		_, err := stylesheet{}.inline(source{"a.html", "<p>\n" + element})
		if err == nil || !strings.HasPrefix(err.Error(), "a.html:2: ") || !strings.Contains(err.Error(), `one class="…"`) {
			t.Errorf("%s: %v", element, err)
		}
	}
}

func TestStyles_WhatIsNoRuleOfOneTagOrClass_IsNamedWithFileAndLine(t *testing.T) {
	for css, want := range map[string]string{
		"@media (max-width: 600px) {\n.a { color:red }\n}": `4: "@media (max-width: 600px)": must be one tag, like p, or one class, like .quiet`,
		"@import 'a.css';\np { color:red }":                `4: "@import 'a.css'; p": must be`,
		".a, .b { color:red }":                             `4: ".a, .b": must be`,
		".a .b { color:red }":                              `4: ".a .b": must be`,
		"td > p { color:red }":                             `4: "td > p": must be`,
		"td.a { color:red }":                               `4: "td.a": must be`,
		"a:hover { color:red }":                            `4: "a:hover": must be`,
		"#a { color:red }":                                 `4: "#a": must be`,
		"* { color:red }":                                  `4: "*": must be`,
		"P { color:red }":                                  `4: "P": must be`,
		"{ color:red }":                                    `4: "": must be`,
		"color:red":                                        `4: "color:red": must be`,
		"p { color:red }\n}":                               `5: "}": must be`,
		"/* no end\np { color:red }":                       `4: "/* no end p": must be`,
		"p {\n.a { color:red }\n}":                         `4: "p": its } is missing`,
		"p { color:red":                                    `4: "p": its } is missing`,
		"p { font-family:\"Segoe UI\" }":                   `4: "p": must quote with '`,
	} {
		_, err := styles(source{"styles.css", "/* two\nlines */\n.fine { color:red }\n" + css})
		if err == nil || !strings.HasPrefix(err.Error(), "styles.css:"+want) {
			t.Errorf("%s: %v, want line %s", css, err, want)
		}
	}
}
