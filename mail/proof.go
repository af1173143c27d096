// Rules of a proof, which every letter is given at start:
//   - it is written with and without all that may be missing, and with numbers of each plural form;
//   - text and HTML have the code and each link;
//   - a fault is named by where it stands, not by the letter that meets it;
//   - nothing is loaded, run or sent by a mail: no picture but the logo, no style sheet, script or form, no link to a script;
//   - Gmail shows it whole.

package mail

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	xhtml "golang.org/x/net/html"
)

// mostHTMLBytes is where Gmail cuts a mail off, 102 KB, less what a long name and address may add.
const mostHTMLBytes = 100_000

// The sample's values hold nothing that HTML escapes.
const (
	sampleCode      = "123456"
	sampleLink      = "https://verify.example.com/#q7x2.sample-link"
	sampleDispute   = "https://verify.example.com/dispute#q7x2.sample-dispute"
	sampleReference = "K7M"
)

var (
	// loud are elements that load, run or send something, or hold text that some programs read as elements.
	loud = []string{
		"script", "form", "link", "iframe", "frame", "object", "embed", "applet", "base", "audio", "video", "source", "track", "svg",
		"noembed", "noframes", "xmp", "plaintext",
	}
	// fetching are attributes of other elements that do.
	fetching = []string{"srcset", "background", "poster", "dynsrc", "lowsrc", "manifest", "ping", "attributionsrc", "http-equiv"}

	// leading is where a link may lead: not to a script, nor to what only a page has beside it.
	leading = regexp.MustCompile(`^(?i:https?|mailto|tel):`)

	// cssFetching is what loads or runs something in CSS, in whatever case.
	cssFetching = regexp.MustCompile(`(?i)(?:url|src|image|image-set|expression)\s*\(|@import|progid:`)
	cssEscape   = regexp.MustCompile(`(?s)\\(?:[0-9a-fA-F]{1,6}\s?|.)`)
)

// sample is what a letter of a kind may hold at most.
func sample(kind Kind, b *brand) fields {
	f := b.fields()
	f.FirstName, f.Email = "Ada", "ada@example.org"
	switch kind {
	case VerifyAccount:
		f.Code, f.Link, f.Dispute, f.Reference, f.Minutes = sampleCode, sampleLink, sampleDispute, sampleReference, 10
	case AlreadyRegistered:
		f.Dispute, f.Reference = sampleDispute, sampleReference
	}
	return f
}

// samples are the branches that a letter of a kind may take.
func samples(kind Kind, b *brand) (all []fields) {
	for branch := range 8 {
		f := sample(kind, b)
		if branch&1 != 0 {
			f.FirstName = ""
		}
		if branch&2 != 0 {
			f.Code = ""
		}
		if branch&4 != 0 {
			f.Dispute, f.Reference = "", ""
		}
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	adorned := sample(kind, b) // what this sender has not set is proven as well
	adorned.Support, adorned.Logo, adorned.LogoWidth, adorned.LogoHeight = "help@example.com", "cid:"+logoID, 1, 1
	all = append(all, adorned)
	if kind == VerifyAccount {
		for _, minutes := range []int{0, 1, 2, 3, 11} { // one of each form that languages have (CLDR)
			f := sample(kind, b)
			f.Minutes = minutes
			all = append(all, f)
		}
	}
	return all
}

// try writes the letter in every branch, and reads it. The files are those of its HTML.
func (l *letterTemplate) try(kind Kind, b *brand, files []source) error {
	for _, f := range samples(kind, b) {
		text, html, err := l.write(f)
		if err != nil {
			return err
		}
		if err := l.whole(f, text, html); err != nil {
			return err
		}
		if strings.Contains(text, "<no value>") {
			return fmt.Errorf("%s: the text has <no value>: a {{template}} passes nothing on", l.place("text"))
		}
		if len(html) > mostHTMLBytes {
			return fmt.Errorf("%s: the HTML has %d bytes, and Gmail would cut it off: at most %d", l.place("html"), len(html), mostHTMLBytes)
		}
		if written, err := passive(html); err != nil {
			return fmt.Errorf("%s: %w", standing(written, files), err)
		}
	}
	return nil
}

// whole says which value a letter lacks that it must have: the letter's own part writes it, or the layout, which may also
// leave out that part.
func (l *letterTemplate) whole(f fields, text, html string) error {
	ownText, ownHTML, err := l.execute(f, "text", "html")
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name, called, own, all string
		place                  func(define string) string
	}{{"text", "text", ownText, text, l.place}, {"html", "HTML", ownHTML, html, l.placeInHTML}} {
		for _, value := range []struct{ name, value, writer string }{
			{"Code", f.Code, part.name}, {"Link", f.Link, part.name}, {"Dispute", f.Dispute, "layout"},
		} {
			if strings.Contains(part.all, value.value) {
				continue
			}
			if strings.Contains(part.own, value.value) {
				value.writer = "layout"
			}
			return fmt.Errorf("%s: {{.%s}} is missing in the %s", part.place(value.writer), value.name, part.called)
		}
	}
	return nil
}

// standing is file and line of what is written so: of the longest beginning that one of the files has, for a value may follow.
func standing(written string, files []source) string {
	for end := len(written); ; end-- {
		for _, file := range files {
			if before, _, found := strings.Cut(file.text, written[:end]); found {
				return fmt.Sprintf("%s:%d", file.name, 1+strings.Count(before, "\n"))
			}
		}
	}
}

// passive says what HTML holds that does more than show or cannot be shown, and how that is written.
func passive(html string) (written string, err error) {
	tokens := xhtml.NewTokenizer(strings.NewReader(html))
	inStyle := false
	for {
		kind := tokens.Next()
		written = string(tokens.Raw())
		if strings.Contains(written, "ZgotmplZ") {
			return written, errors.New("the HTML has a value where none can be escaped")
		}
		switch kind {
		case xhtml.ErrorToken:
			return "", nil // the end: a string is always read
		case xhtml.TextToken:
			if inStyle && loads(written) {
				return written, errors.New("the HTML loads a style: a mail loads, runs and sends nothing")
			}
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			element := tokens.Token()
			if err := still(element); err != nil {
				return written, err
			}
			inStyle = element.Data == "style"
		case xhtml.EndTagToken:
			inStyle = false
		}
	}
}

// still says what an element does more than show.
func still(element xhtml.Token) error {
	if slices.Contains(loud, element.Data) {
		return fmt.Errorf("the HTML has <%s>: a mail loads, runs and sends nothing", element.Data)
	}
	for _, attribute := range element.Attr {
		name := attribute.Key[1+strings.LastIndexByte(attribute.Key, ':'):] // like xlink:href
		switch {
		case name == "src" && attribute.Val != "cid:"+logoID:
			return fmt.Errorf("the HTML has a picture from %q: only {{.Logo}} comes with a mail", attribute.Val)
		case slices.Contains(fetching, name) || strings.HasPrefix(name, "on") || name == "style" && loads(attribute.Val),
			name == "href" && element.Data != "a" && element.Data != "area": // whose waits for a click
			return fmt.Errorf("the HTML has <%s %s>: a mail loads, runs and sends nothing", element.Data, attribute.Key)
		case name == "href" && !leading.MatchString(attribute.Val):
			return fmt.Errorf("the HTML has a link to %q: it must be an http, https, mailto or tel address", attribute.Val)
		}
	}
	return nil
}

// loads says whether a style fetches something.
func loads(style string) bool {
	if !strings.ContainsAny(style, `(@\`) { // as most, which would take half of the start
		return false
	}
	return cssFetching.MatchString(cssEscape.ReplaceAllStringFunc(style, unescapedCSS))
}

// unescapedCSS is the letter that an escape stands for (CSS Syntax 3, 4.3.7).
func unescapedCSS(escape string) string {
	letter, err := strconv.ParseUint(strings.TrimSpace(escape[1:]), 16, 32)
	if err != nil {
		return escape[1:]
	}
	return string(rune(letter))
}
