package mail

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/textproto"
)

// wire is a connection as the SMTP library sees it: encrypted already where it has to be. It counts writes, because the
// library flattens its errors: one command is one write, so the count is the stage.
type wire struct {
	net.Conn
	// greeting is read before anything else: the one the relay sent before STARTTLS.
	greeting io.Reader
	writes   int
	// torn means that a write failed: its last bytes, and with them the end of a message, never left.
	torn bool
	// authenticated means that an AUTH command left.
	authenticated bool
	// heard is what was read last.
	heard []byte
}

func (w *wire) Read(p []byte) (int, error) {
	if w.greeting != nil {
		n, err := w.greeting.Read(p)
		if err != io.EOF {
			return n, err
		}
		w.greeting = nil
	}
	n, err := w.Conn.Read(p)
	w.heard = append(w.heard[:0], p[:n]...)
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	w.writes++
	if bytes.HasPrefix(p, []byte("HELO ")) {
		// The library falls back to HELO, which forgets why EHLO was refused and has no AUTH.
		_, _, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(w.heard))).ReadResponse(250)
		return 0, err
	}
	w.authenticated = w.authenticated || bytes.HasPrefix(p, []byte("AUTH "))
	n, err := w.Conn.Write(p)
	w.torn = w.torn || err != nil
	return n, err
}

// begin starts the count of a mail's writes.
func (w *wire) begin() { w.writes = 0 }

func (w *wire) stage() Stage {
	stages := [...]Stage{StageMail, StageMail, StageRcpt, StageData, StageContent}
	return stages[min(w.writes, len(stages)-1)]
}
