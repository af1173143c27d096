// Rules of a proof, which every letter is given at start:
//   - it is written with and without all that may be missing, and with numbers of each plural form;
//   - text and HTML have the code and each link;
//   - nothing is loaded, run or sent by a mail: no picture but the logo, no style sheet, script or form;
//   - Gmail shows it whole.

package mail

import (
	"errors"
	"fmt"
	"slices"
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

// loud are elements that load, run or send something.
var loud = map[string]bool{
	"script": true, "form": true, "link": true, "iframe": true, "object": true, "embed": true, "base": true, "audio": true,
	"video": true, "source": true, "svg": true,
}

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

// try writes the letter in every branch, and reads it.
func (l *letterTemplate) try(kind Kind, b *brand) error {
	for _, f := range samples(kind, b) {
		text, html, err := l.write(f)
		if err != nil {
			return err
		}
		for _, value := range []struct{ name, value string }{{"Code", f.Code}, {"Link", f.Link}, {"Dispute", f.Dispute}} {
			if !strings.Contains(text, value.value) {
				return fmt.Errorf("%s: {{.%s}} is missing in the text", l.place("text"), value.name)
			}
			if !strings.Contains(html, value.value) {
				return fmt.Errorf("%s: {{.%s}} is missing in the HTML", l.place("html"), value.name)
			}
		}
		if err := passive(html); err != nil {
			return fmt.Errorf("%s: %w", l.place("html"), err)
		}
	}
	return nil
}

// passive says what HTML holds that does more than show.
func passive(html string) error {
	if len(html) > mostHTMLBytes {
		return fmt.Errorf("the HTML has %d bytes, and Gmail would cut it off: at most %d", len(html), mostHTMLBytes)
	}
	if strings.Contains(html, "ZgotmplZ") {
		return errors.New("the HTML has a value where none can be escaped")
	}
	tokens := xhtml.NewTokenizer(strings.NewReader(html))
	for {
		switch tokens.Next() {
		case xhtml.ErrorToken:
			return nil // the end: a string is always read
		case xhtml.TextToken:
			if loads(string(tokens.Raw())) {
				return errors.New("the HTML loads a style: a mail loads, runs and sends nothing")
			}
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			if err := still(tokens.Token()); err != nil {
				return err
			}
		}
	}
}

// still says what an element does more than show.
func still(element xhtml.Token) error {
	if loud[element.Data] {
		return fmt.Errorf("the HTML has <%s>: a mail loads, runs and sends nothing", element.Data)
	}
	for _, attribute := range element.Attr {
		switch {
		case attribute.Key == "src" && attribute.Val != "cid:"+logoID:
			return fmt.Errorf("the HTML has a picture from %q: only {{.Logo}} comes with a mail", attribute.Val)
		case attribute.Key == "srcset" || attribute.Key == "background" || attribute.Key == "http-equiv" || strings.HasPrefix(attribute.Key, "on") || loads(attribute.Val):
			return fmt.Errorf("the HTML has <%s %s>: a mail loads, runs and sends nothing", element.Data, attribute.Key)
		}
	}
	return nil
}

// loads says whether a style fetches something.
func loads(style string) bool {
	return strings.Contains(style, "url(") || strings.Contains(style, "@import")
}
