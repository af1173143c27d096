// Rules of a wire:
//   - a reply is heard line by line: what is cut off before the end of its line says nothing, whatever it began with;
//   - a line is at most 4 KiB long and a reply has at most 128 of them, eight times what RFC 5321, 4.5.3.1.5, permits
//     and more than any relay offers: nobody can fill our memory.

package mail

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/textproto"
	"strings"
)

const (
	longestLine = 4096
	mostLines   = 128
)

// errEndless is garbled speech, like any other that is not SMTP.
const errEndless = textproto.ProtocolError("the relay's reply does not end")

// wire is a connection as the SMTP library sees it: encrypted already where it has to be.
type wire struct {
	net.Conn
	heard *bufio.Reader
	// line is the last one heard, rest what of it is still to be read, lines how many came since the last write.
	line, rest []byte
	lines      int
	// greets means that the last words were EHLO; offers are the extensions that answered it.
	greets bool
	offers map[string]bool
	// deaf is why nothing can be heard any more.
	deaf error
	// torn means that a write failed: its last bytes, and with them the end of a message, never left.
	torn bool
	// authenticated means that an AUTH command left.
	authenticated bool
}

func newWire(conn net.Conn) *wire {
	return &wire{Conn: conn, offers: make(map[string]bool), heard: bufio.NewReaderSize(conn, longestLine)}
}

// greeted is a wire on which the relay said a line already.
func (w *wire) greeted(line string) *wire {
	w.rest = []byte(line + "\r\n")
	return w
}

// Read returns nothing but whole lines.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.rest) == 0 && w.deaf == nil {
		w.line, w.deaf = w.heard.ReadSlice('\n')
		if w.lines++; w.lines > mostLines || errors.Is(w.deaf, bufio.ErrBufferFull) {
			w.deaf = errEndless
		}
		w.rest = w.line
		if w.greets && w.lines > 1 { // the first has its name
			w.note(string(w.line))
		}
	}
	if w.deaf != nil {
		return 0, w.deaf
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	w.lines = 0
	w.greets = bytes.HasPrefix(p, []byte("EHLO "))
	if bytes.HasPrefix(p, []byte("HELO ")) {
		// The library falls back to HELO, which forgets why EHLO was refused and has no AUTH.
		return 0, w.refusal()
	}
	w.authenticated = w.authenticated || bytes.HasPrefix(p, []byte("AUTH "))
	n, err := w.Conn.Write(p)
	w.torn = w.torn || err != nil
	return n, err
}

// refusal is the last answer, as an error.
func (w *wire) refusal() error {
	if w.deaf != nil {
		return w.deaf
	}
	_, _, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(w.line))).ReadResponse(250)
	return err
}

// note takes a line of the answer to EHLO, which after its code has an extension's name and its parameters (RFC 5321, 4.1.1.1).
func (w *wire) note(line string) {
	if words := strings.Fields(line[min(len("250-"), len(line)):]); len(words) > 0 {
		w.offers[strings.ToUpper(words[0])] = true
	}
}
