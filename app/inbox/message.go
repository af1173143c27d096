package inbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// Message is a mail as it is shown. From and To are the envelope's: who really sent it to whom.
type Message struct {
	ID         string    `json:"id"`
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Subject    string    `json:"subject"`
	Text       string    `json:"text"`
	HTML       string    `json:"html"`
	ReceivedAt time.Time `json:"received_at"`

	number int64
}

// parse decodes what can be decoded; of a mail that is none, everything is its text.
func parse(r record) Message {
	m := Message{ID: strconv.FormatInt(r.ID, 10), From: r.From, To: r.To, ReceivedAt: r.ReceivedAt, number: r.ID}
	letter, err := mail.ReadMessage(bytes.NewReader(r.Raw))
	if err != nil {
		m.Text = strings.ToValidUTF8(string(r.Raw), "�")
		return m
	}
	m.Subject = letter.Header.Get("Subject")
	if subject, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil {
		m.Subject = subject
	}
	var pictures []string
	m.take(letter.Header, letter.Body, &pictures)
	m.HTML = strings.NewReplacer(pictures...).Replace(m.HTML)
	return m
}

// take adds a part and its parts to what is shown; the first text and the first HTML count. Of each picture that the HTML
// may name (RFC 2392) it adds the name and the picture itself, as a data URL.
func (m *Message) take(header interface{ Get(string) string }, body io.Reader, pictures *[]string) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.take(part.Header, part, pictures)
		}
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, _ := io.ReadAll(body) // What can be read is shown.
	text := strings.ReplaceAll(strings.ToValidUTF8(string(content), "�"), "\r\n", "\n")
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	case strings.HasPrefix(kind, "image/") && header.Get("Content-ID") != "":
		id := strings.Trim(header.Get("Content-ID"), "<> ")
		*pictures = append(*pictures, "cid:"+id, "data:"+kind+";base64,"+base64.StdEncoding.EncodeToString(content))
	}
}
