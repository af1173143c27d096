// Rules of a body:
//   - multipart/alternative, the plainest part first (RFC 2046, 5.1.4); the HTML stands with its logo, if there is one, in
//     a multipart/related (RFC 2387);
//   - lines end with CRLF and have at most 76 letters of ASCII;
//   - the same mail has the same boundaries.

package mail

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// body is a message's content and the Content-Type that goes with it.
type body struct{ contentType, content string }

func newBody(id, text, html string, logo picture) body {
	h := fnv.New128a()
	h.Write([]byte(id))
	// What is quoted-printable or base64 has no "=_" (RFC 2045, 6.7).
	outer, inner := fmt.Sprintf("=_a%x", h.Sum(nil)), fmt.Sprintf("=_r%x", h.Sum(nil))
	var b strings.Builder
	b.Grow(2*len(text) + 2*len(html) + len(logo.encoded))
	b.WriteString("--" + outer)
	writePart(&b, "text/plain", text)
	b.WriteString("--" + outer)
	if logo.encoded == "" {
		writePart(&b, "text/html", html)
	} else {
		fmt.Fprintf(&b, "\r\nContent-Type: multipart/related; type=\"text/html\"; boundary=%q\r\n\r\n--%s", inner, inner)
		writePart(&b, "text/html", html)
		fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n"+
			"Content-ID: <%s>\r\nContent-Disposition: inline\r\n\r\n%s\r\n--%s--\r\n", inner, logo.contentType, logoID, logo.encoded, inner)
	}
	b.WriteString("--" + outer + "--\r\n")
	return body{fmt.Sprintf("multipart/alternative; boundary=%q", outer), b.String()}
}

// writePart ends the line of a boundary and writes the part that follows it.
func writePart(b *strings.Builder, kind, content string) {
	b.WriteString("\r\nContent-Type: " + kind + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	writeQuoted(b, content)
	b.WriteString("\r\n")
}
