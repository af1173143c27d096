// Rule: a preview is the letter as it is sent, of a sample; only its logo stands in the HTML, for a browser has no attachments.

package mail

import "strings"

// Preview is a letter to look at.
type Preview struct {
	// Language is the tag of the one that was found for the reader's.
	Language            string
	Subject, Text, HTML string
}

// Preview writes the sample of a kind's letter in the language nearest to a locale; linkOnly leaves out the code, where
// there is one. The error of an unknown kind names those there are.
func (c *Composer) Preview(kind Kind, locale string, linkOnly bool) (Preview, error) {
	letter, err := c.letter(kind, locale)
	if err != nil {
		return Preview{}, err
	}
	f := sample(kind, c.brand)
	if linkOnly {
		f.Code = ""
	}
	text, html, err := letter.write(f)
	picture := "data:" + c.brand.logo.contentType + ";base64," + strings.ReplaceAll(c.brand.logo.encoded, "\r\n", "")
	html = strings.ReplaceAll(html, "cid:"+logoID, picture)
	return Preview{Language: letter.tag.String(), Subject: letter.subject, Text: text, HTML: html}, err
}
