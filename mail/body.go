// Rules of a body:
//   - multipart/alternative, the plainest part first (RFC 2046, 5.1.4); the HTML stands with its logo, if there is one, in
//     a multipart/related (RFC 2387);
//   - lines end with CRLF and have at most 76 letters of ASCII;
//   - the same mail has the same boundaries.

package mail

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"strconv"
)

// part writes a part's content, quoted-printable.
type part func(*bytes.Buffer)

// body is a message's parts.
type body struct {
	outer, inner string // boundaries
	text, html   part
	logo         picture
}

func newBody(id string, text, html part, logo picture) body {
	h := fnv.New64a()
	h.Write([]byte(id))
	hash := strconv.FormatUint(h.Sum64(), 16)
	// What is quoted-printable or base64 has no "=_" (RFC 2045, 6.7).
	return body{"=_a" + hash, "=_r" + hash, text, html, logo}
}

// contentType is the header's.
func (m body) contentType() string { return `multipart/alternative; boundary="` + m.outer + `"` }

func (m body) write(b *bytes.Buffer) {
	b.WriteString("--" + m.outer)
	writePart(b, "text/plain", m.text)
	b.WriteString("--" + m.outer)
	if m.logo.encoded == "" {
		writePart(b, "text/html", m.html)
	} else {
		fmt.Fprintf(b, "\r\nContent-Type: multipart/related; type=\"text/html\"; boundary=%q\r\n\r\n--%s", m.inner, m.inner)
		writePart(b, "text/html", m.html)
		fmt.Fprintf(b, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n"+
			"Content-ID: <%s>\r\nContent-Disposition: inline\r\n\r\n%s\r\n--%s--\r\n", m.inner, m.logo.contentType, logoID, m.logo.encoded, m.inner)
	}
	b.WriteString("--" + m.outer + "--\r\n")
}

// writePart ends the line of a boundary and writes the part that follows it.
func writePart(b *bytes.Buffer, kind string, content part) {
	b.WriteString("\r\nContent-Type: ")
	b.WriteString(kind)
	b.WriteString("; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	content(b)
	b.WriteString("\r\n")
}
