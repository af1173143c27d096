// Rules of quoted-printable (RFC 2045, 6.7), for texts whose lines end with \n:
//   - lines end with CRLF, and have at most 76 letters: a longer one is broken by "=";
//   - printable ASCII but "=" stands for itself, so do spaces and tabs inside of a line, and dots that do not begin one, which
//     SMTP would have to double (RFC 5321, 4.5.2); everything else is "=" and two hexadecimal digits;
//   - it costs less than the standard library's, which looks at every byte twice: most of a letter stands for itself.

package mail

import (
	"bytes"
	"strings"
)

const (
	quotedColumns = 76
	hexadecimal   = "0123456789ABCDEF"
)

// quoted is the part of a text.
func quoted(text string) part {
	return func(b *bytes.Buffer) { writeQuoted(b, text) }
}

// writeQuoted writes a text quoted-printable.
func writeQuoted(b *bytes.Buffer, text string) {
	for text != "" {
		line, rest, ended := strings.Cut(text, "\n")
		writeQuotedLine(b, line)
		if ended {
			b.WriteString("\r\n")
		}
		text = rest
	}
}

// plainBytes stand for themselves, spaces and tabs where they are not a line's last.
var plainBytes = newByteSet("\t !\"#$%&'()*+,-./:;<>?@[\\]^_`{|}~" + alphanumeric)

func writeQuotedLine(b *bytes.Buffer, line string) {
	room := quotedColumns
	for line != "" {
		plain := plainBytes.prefix(line[:min(len(line), room)])
		if plain == len(line) && (line[plain-1] == ' ' || line[plain-1] == '\t') {
			plain--
		}
		if room == quotedColumns && line[0] == '.' {
			plain = 0
		}
		switch breaks := min(1, len(line)-1); { // what is not the line's last leaves room for the "="
		case plain > 0 && breaks < room:
			if plain < len(line) {
				plain = min(plain, room-1)
			}
			b.WriteString(line[:plain])
			line, room = line[plain:], room-plain
		case plain == 0 && 3+breaks <= room:
			b.WriteByte('=')
			b.WriteByte(hexadecimal[line[0]>>4])
			b.WriteByte(hexadecimal[line[0]&0xf])
			line, room = line[1:], room-3
		default:
			b.WriteString("=\r\n")
			room = quotedColumns
		}
	}
}
