// Rules of quoted-printable (RFC 2045, 6.7), for texts whose lines end with \n:
//   - lines end with CRLF, and have at most 76 letters: a longer one is broken by "=";
//   - printable ASCII but "=" stands for itself, so do spaces and tabs inside of a line; everything else is "=" and two
//     hexadecimal digits;
//   - it costs less than the standard library's, which looks at every byte twice: most of a letter stands for itself.

package mail

import "strings"

const (
	quotedColumns = 76
	hexadecimal   = "0123456789ABCDEF"
)

// quoted is the part of a text.
func quoted(text string) part {
	return part{func(b *strings.Builder) { writeQuoted(b, text) }, len(text) * 5 / 4}
}

// writeQuoted writes a text quoted-printable.
func writeQuoted(b *strings.Builder, text string) {
	for text != "" {
		line, rest, ended := strings.Cut(text, "\n")
		writeQuotedLine(b, line)
		if ended {
			b.WriteString("\r\n")
		}
		text = rest
	}
}

func writeQuotedLine(b *strings.Builder, line string) {
	column, from := 0, 0
	for i := range len(line) {
		c, last := line[i], i == len(line)-1
		plain := c > ' ' && c <= '~' && c != '=' || (c == ' ' || c == '\t') && !last
		size := 3
		if plain {
			size = 1
		}
		room := quotedColumns
		if !last {
			room-- // for the "=" that breaks the line
		}
		if column+size > room {
			b.WriteString(line[from:i])
			b.WriteString("=\r\n")
			column, from = 0, i
		}
		column += size
		if !plain {
			b.WriteString(line[from:i])
			b.WriteByte('=')
			b.WriteByte(hexadecimal[c>>4])
			b.WriteByte(hexadecimal[c&0xf])
			from = i + 1
		}
	}
	b.WriteString(line[from:])
}
