// Rules of quoted-printable (RFC 2045, 6.7), for texts whose lines end with \n:
//   - lines end with CRLF, and have at most 76 letters: a longer one is broken by "=";
//   - printable ASCII but "=" stands for itself, so do spaces and tabs inside of a line; everything else is "=" and two
//     hexadecimal digits;
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
	// makeRoom makes room for so many letters; what is not the line's last leaves some for the "=" that breaks it.
	makeRoom := func(letters int, last bool) {
		if !last {
			letters++
		}
		if letters > room {
			b.WriteString("=\r\n")
			room = quotedColumns
		}
	}
	for line != "" {
		plain := plainBytes.prefix(line)
		if plain == len(line) && (line[plain-1] == ' ' || line[plain-1] == '\t') {
			plain--
		}
		for plain > 0 {
			makeRoom(1, len(line) == 1)
			n := min(plain, room-1)
			if plain == len(line) && plain <= room {
				n = plain
			}
			b.WriteString(line[:n])
			line, plain, room = line[n:], plain-n, room-n
		}
		if line != "" {
			makeRoom(3, len(line) == 1)
			b.WriteByte('=')
			b.WriteByte(hexadecimal[line[0]>>4])
			b.WriteByte(hexadecimal[line[0]&0xf])
			line, room = line[1:], room-3
		}
	}
}
