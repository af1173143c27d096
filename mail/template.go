// Rules of templates:
//   - templates/<kind>/<tag>.tmpl is a kind's letter in a language, its subject, text and HTML; templates/layout holds what
//     all of them share: layout.txt and layout.html, which stand around, styles.css, and <tag>.tmpl with the words;
//   - a file of TEMPLATE_DIR stands for the one of the same path, or begins a language; one whose path means nothing is an error;
//   - a language has every kind;
//   - every letter is tried at start with and without whatever may be missing: what a reader could meet later, a field or
//     function that is not there, a value that does not suit its printf, HTML that cannot be escaped or would be left out, a
//     code or a link left out, something loaded from elsewhere, stops the start with file and line;
//   - a subject knows the product only: nothing a person typed can reach it.

package mail

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"maps"
	"mime"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"countersign/locale"
)

//go:embed templates
var builtin embed.FS

const (
	layoutFolder     = "layout"
	mostSubjectBytes = 200

	// noFieldIsError is the option by which a define that is given nothing, {{template "said"}} without a dot, has no fields
	// rather than empty ones.
	noFieldIsError = "missingkey=error"
)

// folders are those of templates.
func folders() []string {
	names := []string{layoutFolder}
	for _, kind := range Kinds() {
		names = append(names, string(kind))
	}
	return names
}

// source is a file of templates. Its name is what errors call it.
type source struct{ name, text string }

// sources are the files of templates, by their paths.
type sources map[string]source

// readSources reads what is built in, and over it the files of a folder, if one is named.
func readSources(dir string) (sources, error) {
	all := make(sources)
	own, err := fs.Sub(builtin, "templates")
	if err == nil {
		err = all.read(own, "mail/templates")
	}
	if err != nil || dir == "" {
		return all, err
	}
	if _, err := os.ReadDir(dir); err != nil { // whose error has the path
		return nil, fmt.Errorf("TEMPLATE_DIR: %w", err)
	}
	return all, all.read(os.DirFS(dir), "TEMPLATE_DIR")
}

// read takes in folders of files. What begins with a dot is none.
func (s sources) read(files fs.FS, prefix string) error {
	found, err := fs.ReadDir(files, ".")
	if err != nil {
		return fmt.Errorf("%s: %w", prefix, err)
	}
	for _, folder := range found {
		if strings.HasPrefix(folder.Name(), ".") {
			continue
		}
		if !slices.Contains(folders(), folder.Name()) {
			return fmt.Errorf("%s/%s: must be a folder, one of %s", prefix, folder.Name(), strings.Join(folders(), ", "))
		}
		entries, err := fs.ReadDir(files, folder.Name())
		if err != nil {
			return fmt.Errorf("%s/%s: %w", prefix, folder.Name(), err)
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), ".") {
				continue
			}
			at := path.Join(folder.Name(), entry.Name())
			name := path.Join(prefix, at)
			if !isTemplate(at) {
				return fmt.Errorf("%s: must be named by a language, like pt-BR.tmpl", name)
			}
			text, err := fs.ReadFile(files, at)
			if err == nil && !utf8.Valid(text) {
				err = errors.New("must be UTF-8")
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			s[at] = source{name, strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")}
		}
	}
	return nil
}

// isTemplate says whether a path is that of a template: a language's, in its canonical form (BCP 47), or the layout's.
func isTemplate(at string) bool {
	switch at {
	case "layout/layout.txt", "layout/layout.html", "layout/styles.css":
		return true
	}
	name, is := strings.CutSuffix(path.Base(at), ".tmpl")
	tag, err := language.Parse(name)
	return is && err == nil && tag.String() == name && tag != language.Und
}

// languages returns those there are, English first. Each has every folder.
func (s sources) languages() (tags []language.Tag, err error) {
	found := make(map[language.Tag]bool)
	for at := range s {
		if name, is := strings.CutSuffix(path.Base(at), ".tmpl"); is {
			found[language.Make(name)] = true
		}
	}
	delete(found, language.English)
	tags = slices.SortedFunc(maps.Keys(found), func(a, b language.Tag) int { return strings.Compare(a.String(), b.String()) })
	tags = slices.Insert(tags, 0, language.English)
	for _, tag := range tags {
		for _, folder := range folders() {
			if at := folder + "/" + tag.String() + ".tmpl"; s[at] == (source{}) {
				return nil, fmt.Errorf("TEMPLATE_DIR/%s is missing: a language needs a file in each of %s", at, strings.Join(folders(), ", "))
			}
		}
	}
	return tags, nil
}

// fields is what a template may use. It is flat: reflect finds an embedded struct's fields ten times slower.
type fields struct {
	// The language: its tag (BCP 47), and the direction of its script, ltr or rtl.
	Locale, Dir string
	// The reader. FirstName may be empty.
	FirstName, Email string
	// What a Letter has; empty where it is.
	Code, Link, Dispute, Reference string
	// Minutes is how long the code still lives, to the nearest minute.
	Minutes int
	// The sender. Support is an address, empty if there is none; Color is #rrggbb, ColorText what is read on it, ColorEdge what
	// can be told from the page.
	Product, Support, Color, ColorText, ColorEdge string
	// Logo is the source of a picture, empty if there is none, shown LogoWidth by LogoHeight pixels.
	Logo                  htmltemplate.URL
	LogoWidth, LogoHeight int
}

// letterTemplate is a kind's letter in a language.
type letterTemplate struct {
	tag     language.Tag
	dir     string
	subject string
	// head is those of the message's headers that every such letter has.
	head string
	text *texttemplate.Template
	html *htmltemplate.Template
	// stencils is nil for a letter that has none.
	stencils *stencils
}

// letter parses the letter of a kind in a language, and tries it.
func (s sources) letter(kind Kind, tag language.Tag, b *brand) (*letterTemplate, error) {
	own, words := s[string(kind)+"/"+tag.String()+".tmpl"], s[layoutFolder+"/"+tag.String()+".tmpl"]
	functions := map[string]any{
		"printf": formatted,
		"plural": func(n int, forms ...string) (string, error) { return pluralOf(tag, n, forms) },
		"strong": func(value string) string { return value },
	}
	l := &letterTemplate{
		tag: tag, dir: locale.Direction(tag),
		text: texttemplate.New("").Option(noFieldIsError).Funcs(functions),
		html: htmltemplate.New("").Option(noFieldIsError).Funcs(functions).Funcs(htmltemplate.FuncMap{"strong": locale.Strong}),
	}
	for _, file := range []source{s["layout/layout.txt"], words, own} {
		parsed, err := l.text.New(file.name).Parse(file.text)
		if err != nil {
			return nil, err
		}
		if err := file.onlyDefines(parsed.Root); err != nil {
			return nil, err
		}
	}
	rules, err := styles(s["layout/styles.css"])
	if err != nil {
		return nil, err
	}
	var files []source
	for _, file := range []source{s["layout/layout.html"], words, own} {
		styled, err := rules.inline(file)
		if err != nil {
			return nil, err
		}
		files = append(files, styled)
		parsed, err := l.html.New(styled.name).Parse(styled.text)
		if err == nil {
			err = styled.onlyDefines(parsed.Tree.Root)
		}
		if err == nil {
			err = file.noComments()
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.complete(own, words, l); err != nil {
		return nil, err
	}
	if l.subject, err = l.subjectOf(b.product); err != nil {
		return nil, err
	}
	l.head = header("Subject", mime.QEncoding.Encode("utf-8", l.subject)) + header("Content-Language", tag.String()) +
		header("Auto-Submitted", "auto-generated") + // RFC 3834: no out-of-office comes back.
		header("MIME-Version", "1.0")
	l.stencils = l.newStencils()
	if err := l.escape(sample(kind, b)); err != nil {
		return nil, err
	}
	return l, l.try(kind, b, files)
}

// complete says which file of a letter lacks a define that it must have.
func (s sources) complete(own, words source, l *letterTemplate) error {
	inText := func(name string) bool { return l.text.Lookup(name) != nil }
	inHTML := func(name string) bool { return l.html.Lookup(name) != nil }
	parts, layout := []string{"subject", "title", "first", "text", "html"}, []string{"layout"}
	for _, box := range []struct{ name, words string }{{"code_box", ""}, {"link_button", "button"}} { // of the layout, with the letter's words
		if !strings.Contains(own.text, strconv.Quote(box.name)) {
			continue
		}
		layout = append(layout, box.name)
		if box.words != "" {
			parts = append(parts, box.words)
		}
	}
	for _, needed := range []struct {
		file    source
		defined func(name string) bool
		names   []string
	}{
		{own, inText, parts},
		{words, inText, []string{"greeting", "reference", "dispute", "dispute_link", "support"}},
		{s["layout/layout.txt"], inText, []string{"layout"}},
		{s["layout/layout.html"], inHTML, layout},
	} {
		for _, name := range needed.names {
			if !needed.defined(name) {
				return fmt.Errorf("%s:1: {{define %q}} is missing", needed.file.name, name)
			}
		}
	}
	return nil
}

// subjectOf executes the subject, which is the same for everybody.
func (l *letterTemplate) subjectOf(product string) (string, error) {
	var b strings.Builder
	if err := l.text.ExecuteTemplate(&b, "subject", struct{ Product string }{product}); err != nil {
		return "", err
	}
	if strings.TrimSpace(b.String()) == "" || b.Len() > mostSubjectBytes || strings.ContainsFunc(b.String(), unicode.IsControl) {
		return "", fmt.Errorf("%s: the subject must be one line of at most %d bytes", l.place("subject"), mostSubjectBytes)
	}
	return b.String(), nil
}

// onlyDefines says what stands outside of every define, where nobody would read it.
func (f source) onlyDefines(root *parse.ListNode) error {
	for _, node := range root.Nodes {
		if said := strings.TrimLeftFunc(node.String(), unicode.IsSpace); said != "" {
			before := f.text[:node.Position()] + strings.TrimSuffix(node.String(), said)
			return fmt.Errorf("%s:%d: %.40q stands outside of every define", f.name, 1+strings.Count(before, "\n"), said)
		}
	}
	return nil
}

var commentOrAction = regexp.MustCompile(`(?s){{-?\s*/\*.*?\*/|{{.*?}}|<!(?:--|\[)`)

// noComments says where a comment of HTML stands: html/template would leave it out or show it.
func (f source) noComments() error {
	for _, at := range commentOrAction.FindAllStringIndex(f.text, -1) {
		if found := f.text[at[0]:at[1]]; found[0] == '<' {
			return fmt.Errorf("%s:%d: %q: no comment of HTML reaches anybody, nor does what it holds for Outlook: write {{/* */}}",
				f.name, 1+strings.Count(f.text[:at[0]], "\n"), found)
		}
	}
	return nil
}

// place is file and line of a define of the text, which those of the letter and its words are.
func (l *letterTemplate) place(name string) string { return placeOf(l.text.Lookup(name).Tree) }

// placeInHTML is file and line of a define of the HTML.
func (l *letterTemplate) placeInHTML(name string) string { return placeOf(l.html.Lookup(name).Tree) }

func placeOf(define *parse.Tree) string {
	at, _ := define.ErrorContext(define.Root)
	return at[:strings.LastIndexByte(at, ':')] // without the column
}

// parts returns what writes the letter's text and its HTML.
func (l *letterTemplate) parts(f fields) (text, html part, err error) {
	if s := l.stencil(f); s != nil {
		return s.text.filled(f.values()), s.html.filled(f.values()), nil
	}
	plain, rich, err := l.write(f)
	return quoted(plain), quoted(rich), err
}

// write writes the letter.
func (l *letterTemplate) write(f fields) (text, html string, err error) {
	text, html, err = l.execute(f, "layout", "layout")
	return wrap(text), html, err
}

// execute executes a define of the text and one of the HTML.
func (l *letterTemplate) execute(f fields, inText, inHTML string) (text, html string, err error) {
	f.Locale, f.Dir = l.tag.String(), l.dir
	var plain, rich strings.Builder
	if err = l.text.ExecuteTemplate(&plain, inText, f); err == nil {
		err = l.html.ExecuteTemplate(&rich, inHTML, f)
	}
	return plain.String(), rich.String(), err
}

// escape finds where the letter's HTML cannot be escaped: first in what is its own, then in what stands around that.
func (l *letterTemplate) escape(f fields) error {
	own, err := l.html.Clone()
	if err != nil {
		return err
	}
	f.Locale, f.Dir = l.tag.String(), l.dir
	for _, step := range []struct {
		html        *htmltemplate.Template
		name, place string
	}{{own, "html", l.placeInHTML("html")}, {l.html, "layout", l.placeInHTML("layout")}} {
		err := step.html.ExecuteTemplate(io.Discard, step.name, f)
		var vague *htmltemplate.Error
		if errors.As(err, &vague) && vague.Node == nil { // which knows no file
			return fmt.Errorf("%s: %s", step.place, vague.Description)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var fromTemplate = regexp.MustCompile(`^(html/)?template: ?`)

// faulty is an error of a template as one line that begins with file and line.
func faulty(err error) error {
	return errors.New(strings.Join(strings.Fields(fromTemplate.ReplaceAllString(err.Error(), "")), " "))
}

// faultyPrint is how fmt says that a value does not suit its verb.
var faultyPrint = regexp.MustCompile(`%!.?\(.*`)

// formatted is printf, with an error for what fmt would write into the letter.
func formatted(format string, values ...any) (string, error) {
	text := fmt.Sprintf(format, values...)
	if fault := faultyPrint.FindString(text); fault != "" {
		return "", fmt.Errorf("the value does not suit the format: %s", fault)
	}
	return text, nil
}

// pluralOf returns the form that a language has for a number (CLDR), %d being the number. forms are pairs of a form's
// name, like one or other, and what it says.
func pluralOf(tag language.Tag, n int, forms []string) (string, error) {
	names := map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	name := names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]
	for i := 0; i+1 < len(forms); i += 2 {
		if forms[i] == name {
			text := strings.ReplaceAll(forms[i+1], "%d", strconv.Itoa(n))
			if strings.Contains(text, "%") {
				return "", fmt.Errorf("plural takes %%d alone, not %q", forms[i+1])
			}
			return text, nil
		}
	}
	return "", fmt.Errorf("plural of %d has no %q", n, name)
}
