package mail_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/mail"
)

// templates makes a folder of pairs of a path and what stands there; what begins with @ is the built-in file, with the
// replacements that follow, as old=>new.
func templates(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		text := pairs[i+1]
		if change, is := strings.CutPrefix(text, "@"); is {
			builtin, err := os.ReadFile(filepath.Join("templates", pairs[i]))
			if err != nil {
				t.Fatal(err)
			}
			before, after, _ := strings.Cut(change, "=>")
			text = strings.Replace(string(builtin), before, after, 1)
			if before == "" || text == string(builtin) {
				t.Fatalf("%s has no %q", pairs[i], before)
			}
		}
		file := filepath.Join(dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestNewComposer_ATemplateThatIsWrong_IsNamedWithFileAndLine(t *testing.T) {
	const code, notice, layout = "verify_account/de.tmpl", "account_verified/en.tmpl", "layout/layout.html"
	for name, c := range map[string]struct{ file, text, want string }{
		"an unknown field":                                {code, "@{{.Code}} ist=>{{.Cod}} ist", code + ":6:14: executing"},
		"an unknown field in a branch":                    {code, "@Öffnen Sie den Link=>{{.Lnk}}", code + ":6:63: executing"},
		"an unknown field of the layout":                  {layout, "@{{.LogoWidth}}=>{{.LogoBreadth}}", layout + ":"},
		"an unknown function":                             {code, "@{{strong .Email}}=>{{bold .Email}}", `function "bold" not defined`},
		"an action that does not end":                     {notice, "@{{.Product}}=>{{.Product", notice + ":5: "},
		"a define too few":                                {notice, `@{{define "title"}}Your account is verified{{end}}=>`, notice + `:1: {{define "title"}} is missing`},
		"a define of its words too few":                   {"layout/en.tmpl", `@"support"=>"help"`, `layout/en.tmpl:1: {{define "support"}} is missing`},
		"a layout of the text that is empty":              {"layout/layout.txt", "", `layout/layout.txt:1: {{define "layout"}} is missing`},
		"a layout of the text under another name":         {"layout/layout.txt", `@"layout"=>"text_layout"`, `layout/layout.txt:1: {{define "layout"}} is missing`},
		"a layout that is empty":                          {layout, "", layout + `:1: {{define "layout"}} is missing`},
		"a layout under another name":                     {layout, `@"layout"=>"page"`, layout + `:1: {{define "layout"}} is missing`},
		"a layout without the box of the code":            {layout, `@"code_box"=>"box"`, layout + `:1: {{define "code_box"}} is missing`},
		"a layout without the button of the link":         {layout, `@"link_button"=>"button_link"`, layout + `:1: {{define "link_button"}} is missing`},
		"a layout that leaves out the letter":             {layout, `@{{template "html" .}}=>`, layout + `:1: {{.Link}} is missing in the HTML`},
		"a layout of the text that leaves it out":         {"layout/layout.txt", `@{{template "text" .}}=>`, `layout/layout.txt:2: {{.Link}} is missing in the text`},
		"a layout that says nothing":                      {layout, `@{{define "layout"}}=>{{define "layout"}}{{end}}{{define "page"}}`, layout + `:1: {{.Code}} is missing in the HTML`},
		"a layout of the text without the dispute's link": {"layout/layout.txt", "@{{.Dispute}}=>", "layout/layout.txt:2: {{.Dispute}} is missing in the text"},
		"a layout without the dispute's link":             {layout, `@href="{{.Dispute}}"=>href="{{.Link}}"`, layout + ":1: {{.Dispute}} is missing in the HTML"},
		"a layout's text outside of every define":         {layout, "@{{define \"code_box\"=>Hello!\n{{define \"code_box\"", layout + ":45: \"Hello!\\n\" stands outside of every define"},
		"a letter without the layout's boxes": {
			code, `{{define "subject"}}S{{end}}{{define "title"}}T{{end}}{{define "first"}}{{.Code}}{{end}}{{define "text"}}{{.Link}}{{end}}` +
				`{{define "html"}}<a href="{{.Link}}">{{.Code}}</a>{{end}}`, "",
		},
		"no words for the button":                          {code, `@{{define "button"}}=>{{define "knob"}}`, code + `:1: {{define "button"}} is missing`},
		"a comment of HTML":                                {notice, "@<p>=><!-- the address --><p>", notice + `:13: "<!--": no comment of HTML reaches anybody`},
		"a comment for Outlook":                            {layout, "@<table=>\n<!--[if mso]><table><tr><td><![endif]-->\n<table", layout + `:24: "<!--": no comment`},
		"a comment for all but Outlook":                    {layout, "@<table=><![if !mso]><table", layout + `:23: "<![": no comment`},
		"a comment of a style":                             {layout, "@:root=><!-- :root", layout + `:12: "<!--": no comment`},
		"a comment of the template":                        {layout, "@<table=>{{/* no <!-- here */}}{{- /* {{}} <!-- */ -}}{{\"<!--\"}}<table", ""},
		"text outside of every define":                     {notice, "@{{define \"title\"}}=>Hello!\n{{define \"title\"}}", notice + ":3: \"Hello!\\n\" stands outside of every define"},
		"no subject":                                       {notice, "@Account Verified=> ", notice + ":1: the subject must be one line"},
		"a subject of two lines":                           {notice, "@Account Verified=>Account\nVerified", notice + ":1: the subject must be one line"},
		"a subject with what was typed":                    {notice, "@Account Verified=>Hello {{.FirstName}}", notice + ":1:28: executing"},
		"a text whose first line has no code, but another": {"verify_account/en.tmpl", "@{{.Code}} is your {{.Product}} code.=>Your code.", ""},
		"a text without the link":                          {code, "@dort:\n{{.Link}}=>dort", code + ":21: {{.Link}} is missing in the text"},
		"HTML without the link":                            {code, `@{{template "link_button" .}}=>`, code + ":39: {{.Link}} is missing in the HTML"},
		"a value that does not suit its format":            {code, `@{{.Code}} ist=>{{printf "%d" .Code}} ist`, code + `:6:14: executing "first" at <printf "%d" .Code>: error calling printf: the value does not suit the format: %!d(string=123456)`},
		"a value too many for its format":                  {notice, `@<p>=><p>{{printf "%s" .Email .Product}}`, notice + `:13:46: executing "html" at <printf`},
		"a value too few for its format":                   {notice, `@<p>=><p>{{printf "%s %s" .Email}}`, "%!s(MISSING)"},
		"a value that suits its format":                    {notice, `@<p>=><p>{{printf "%s: %d%%" .Email .Minutes}}`, ""},
		"a define that is given nothing":                   {notice, `@<p>{{template "said" .}}=><p>{{template "first"}} {{template "said" .}}`, notice + ":5:"},
		"a define that writes nothing it was given":        {notice, `@{{define "text"}}=>{{define "mark"}}{{.}}{{end}}{{define "text"}}{{template "mark"}}`, notice + ":11: the text has <no value>"},
		"a plural with another format":                     {code, `@%d Minuten=>%s Minuten`, code + ":10:10: executing"},
		"a plural without its form":                        {code, `@"one" "noch eine Minute"=>`, code + ":10:10: executing"},
		"HTML that cannot be escaped":                      {notice, "@<p>=><p title=\"{{.Email}}>", notice + ":13: "},
		"a value where none can be":                        {notice, `@<p>=><p style="{{.Email}}">`, notice + ":13: the HTML has a value where none can be escaped"},
		"a script":                                         {notice, "@<p>=><script>1</script><p>", notice + ":13: the HTML has <script>"},
		"a picture from elsewhere":                         {notice, `@<p>=><img src="https://example.com/pixel.png" alt=""><p>`, notice + `:13: the HTML has a picture from "https://example.com/pixel.png"`},
		"a picture from elsewhere beside a value":          {layout, `@<p class="quiet link"=><img src="https://example.com/{{.Reference}}" alt=""><p class="quiet link"`, layout + ":55: the HTML has a picture from"},
		"a style from elsewhere":                           {layout, "@<style>=><style>@import 'https://example.com/a.css';", layout + ":11: the HTML loads a style"},
		"a picture of a style":                             {"layout/styles.css", "@p {=>p { background:url(https://example.com/pixel.png);", `layout/styles.css:3: "p": loads something`},
		"a style for some screens":                         {"layout/styles.css", "@p {=>@media print { p {", `layout/styles.css:3: "@media print": must be one tag`},
		"a class in single quotes":                         {notice, "@<p>=><p class='quiet'>", notice + `:13: "<p class='quiet'>": an element's classes must be one class="…"`},
		"a picture from elsewhere in capitals":             {notice, `@<p>=><IMG SRC="HTTPS://EXAMPLE.COM/PIXEL.PNG" ALT=""><p>`, notice + `:13: the HTML has a picture from`},
		"a picture of a button":                            {notice, `@<p>=><input type="image" src="https://example.com/a.png"><p>`, notice + `:13: the HTML has a picture from`},
		"a background":                                     {layout, `@<body=><body background="https://example.com/a.png"`, layout + `:21: the HTML has <body background>`},
		"a style that loads, in capitals":                  {notice, `@<p>=><p style="background:URL(https://example.com/a.png)">`, notice + `:13: the HTML has <p style>`},
		"a style that loads, in escapes":                   {layout, `@<style>=><style>.a { background:\75 rl(https://example.com/a.png) }`, layout + `:11: the HTML loads a style`},
		"a rule that loads a set of pictures":              {"layout/styles.css", `@p {=>p { background:image-set('https://example.com/a.png' 1x);`, `layout/styles.css:3: "p": loads something`},
		"HTML that Gmail cuts off":                         {notice, "@<p>=><p>" + strings.Repeat("long ", 20_000), "Gmail would cut it off"},
		"a file that is not UTF-8":                         {notice, "\xff\xfe", notice + ": must be UTF-8"},
		"a file of an unknown kind":                        {"account_deleted/en.tmpl", "", "account_deleted: must be a folder, one of layout, verify_account"},
		"a file of no language":                            {"verify_account/pt_BR.tmpl", "", "verify_account/pt_BR.tmpl: must be named by a language"},
		"a file of no known extension":                     {"verify_account/README.md", "", "verify_account/README.md: must be named by a language"},
		"a file outside of the folders":                    {"README.md", "", "README.md: must be a folder"},
		"a language that lacks a kind":                     {"verify_account/nl.tmpl", "", "layout/nl.tmpl is missing: a language needs a file in each of layout"},
	} {
		_, err := mail.NewComposer(mail.ComposerConfig{From: "a@example.com", TemplateDir: templates(t, c.file, c.text)})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, c.want)
		} else if !strings.HasPrefix(err.Error(), "TEMPLATE_DIR/") {
			t.Errorf("%s: %v; want TEMPLATE_DIR named", name, err)
		}
	}
}

func TestTemplates_InTheirLanguages_HaveNothingThatIsWrongThere(t *testing.T) {
	for language, wrong := range map[string]string{
		"en":    `\ban? {{\.Product}}`,                                                                // a Acme, an Countersign
		"es":    `\b([Ee]l|[Ll]a|del|al) {{\.Product}}|(?m:^{{strong \.Email}} está)`,                 // of which gender
		"fr":    ` [:;?!»]|« |\b([Ll][ea]|du) {{\.Product}}|(?m:^{{strong \.Email}} est)`,             // a space that breaks
		"pt-BR": `\b([OoAa]|d[oa]|n[oa]|ao|pel[oa]) {{\.Product}}|(?m:^{{strong \.Email}} está)|à {{`, // of which gender
	} {
		files, err := filepath.Glob("templates/*/" + language + ".tmpl")
		if err != nil || len(files) != 4 {
			t.Fatal(files, err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if found := regexp.MustCompile(wrong).Find(text); found != nil {
				t.Errorf("%s has %q", name, found)
			}
		}
	}
}

func TestComposer_InChinese_NoSpaceFollowsPunctuation(t *testing.T) {
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "a@example.com", Support: "help@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range mail.Kinds() {
		m := codeMailAt(noon, "Ada")
		m.Kind, m.Locale = kind, "zh-Hans"
		_, text, html := open(t, composer, m, letter)
		for body, spaced := range map[string]string{text: `[，。：；！？] `, html: `[，。：；！？]\s+([^\s<]|<a )`} {
			if found := regexp.MustCompile(spaced).FindString(body); found != "" {
				t.Errorf("%s: %q in %s", kind, found, body)
			}
		}
	}
}

func TestNewComposer_ATemplateDirThatIsNone_IsNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := mail.NewComposer(mail.ComposerConfig{From: "a@example.com", TemplateDir: missing})
	if err == nil || !strings.HasPrefix(err.Error(), "TEMPLATE_DIR: ") || !strings.Contains(err.Error(), missing) {
		t.Error(err)
	}
}

func TestNewComposer_FilesOfWindowsAndHiddenOnes_AreNoTrouble(t *testing.T) {
	dir := templates(t, "account_verified/en.tmpl", "\ufeff"+strings.ReplaceAll(`{{define "subject"}}Done{{end}}
{{define "title"}}Done{{end}}
{{define "first"}}Done.{{end}}
{{define "text"}}{{.Email}}{{end}}
{{define "html"}}<p>{{.Email}}</p>{{end}}
`, "\n", "\r\n"), "..data/x", "", ".DS_Store", "", "account_verified/.en.tmpl.swp", "")
	if _, err := mail.NewComposer(mail.ComposerConfig{From: "a@example.com", TemplateDir: dir}); err != nil {
		t.Error(err)
	}
}

func TestComposer_WithTheExamplesTemplates_SaysTheirWordsAndKeepsTheOthers(t *testing.T) {
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "a@example.com", TemplateDir: "../examples/mails"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind           mail.Kind
		locale         string
		minutes        time.Duration
		language, want string
	}{
		{mail.AccountVerified, "en-GB", 10, "en", "Sign in whenever you like."},
		{mail.AccountVerified, "de", 10, "de", "Ihr Konto ist bereit."},
		{mail.VerifyAccount, "en", 10, "en", "Please use this code 012345 to complete your verification."},
		{mail.VerifyAccount, "nl-BE", 10, "nl", "De code werkt nog 10 minuten, één keer."},
		{mail.VerifyAccount, "nl-BE", 1, "nl", "De code werkt nog één minuut, één keer."},
	} {
		m := codeMailAt(noon, "Ada")
		m.Kind, m.Locale, m.CodeExpiresAt = c.kind, c.locale, noon.Add(c.minutes*time.Minute)
		headers, text, _ := open(t, composer, m, letter)
		if headers.Get("Content-Language") != c.language || !strings.Contains(text, c.want) {
			t.Errorf("%s in %s: %s: %s", c.kind, c.locale, headers.Get("Content-Language"), text)
		}
	}
}

func TestPreview_OfEveryKind_IsTheLetterOfASample(t *testing.T) {
	composer, err := mail.NewComposer(mail.ComposerConfig{From: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range mail.Kinds() {
		for linkOnly, code := range map[bool]string{false: "123456", true: "verify"} {
			p, err := composer.Preview(kind, "pt", linkOnly)
			if err != nil || p.Language != "pt-BR" || p.Subject == "" || !strings.Contains(p.Text, "Olá, Ada!") || !strings.Contains(p.HTML, "Olá, Ada!") {
				t.Errorf("%s: %+v, %v", kind, p, err)
			}
			if kind == mail.VerifyAccount && (!strings.Contains(p.Text, code) || strings.Contains(p.Text, "123456") == linkOnly) {
				t.Errorf("%s, link only %t: %s", kind, linkOnly, p.Text)
			}
		}
	}
	if _, err := composer.Preview("odd", "en", false); err == nil || !strings.Contains(err.Error(), "there are verify_account, account_verified, already_registered") {
		t.Error(err)
	}
}
