// What a relay's answer means. This table is the only place that decides it.

package mail

import (
	"errors"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"
)

// Stage is how far a conversation with the relay had come.
type Stage string

const (
	// StageConnect is everything before MAIL: dial, greeting, EHLO, STARTTLS, AUTH.
	StageConnect Stage = "connect"
	// StageMail is MAIL FROM.
	StageMail Stage = "mail"
	// StageRcpt is RCPT TO.
	StageRcpt Stage = "rcpt"
	// StageData is DATA, until its 354.
	StageData Stage = "data"
	// StageContent is the message itself, until its 250.
	StageContent Stage = "content"
	// StageCompose precedes them all: the message could not be made.
	StageCompose Stage = "compose"
	// StageSuppressed is no conversation: the address is known to be nobody's.
	StageSuppressed Stage = "suppressed"
)

// verdict is what to do after an attempt.
type verdict int

const (
	// accepted: the relay has it.
	accepted verdict = iota
	// refused: not this mail, not later.
	refused
	// later: try this mail again.
	later
	// lost: the connection broke, the mail was certainly not accepted.
	lost
	// unanswered: the connection broke after the content, the mail may have been accepted.
	unanswered
	// ill: the relay takes no mail at present. Says nothing about this mail.
	ill
	// misconfigured: the relay will not take mail from us as we are set up. Says nothing about this mail.
	misconfigured
)

func (v verdict) String() string {
	return [...]string{"accepted", "refused", "later", "lost", "unanswered", "ill", "misconfigured"}[v]
}

// outcome is what came of an attempt.
type outcome struct {
	verdict verdict
	stage   Stage
	reply   string
	// answered means that the relay said so in a reply of SMTP's.
	answered bool
}

// replies is read from the top; the first row that fits decides. A class is the first digit, 0 any.
var replies = [...]struct {
	code, class int
	stages      string
	verdict     verdict
}{
	{code: 421, verdict: ill},
	{code: 454, verdict: ill},
	{code: 535, verdict: misconfigured},
	{class: 4, stages: "connect", verdict: ill},
	{class: 5, stages: "connect mail", verdict: misconfigured},
	{class: 4, stages: "mail rcpt data content", verdict: later},
	{class: 5, stages: "rcpt data content", verdict: refused},
	{class: 2, stages: "content", verdict: accepted},
	{stages: "connect", verdict: ill},
	{stages: "mail rcpt data", verdict: later},
	{stages: "content", verdict: unanswered},
}

// judge says what an answer means at a stage.
func judge(stage Stage, code int) verdict {
	for _, row := range replies {
		if (row.code == 0 || row.code == code) &&
			(row.class == 0 || row.class == code/100) &&
			(row.stages == "" || strings.Contains(row.stages, string(stage))) {
			return row.verdict
		}
	}
	return later
}

// judgeOpening says what it means that no connection could be opened. What is neither an answer nor a failure of
// the network is our own configuration: a certificate that is not trusted, a STARTTLS or an AUTH that is not there.
func judgeOpening(err error) outcome {
	out := outcome{verdict: misconfigured, stage: StageConnect, reply: ended(err)}
	var (
		answer  *textproto.Error
		garbled textproto.ProtocolError
		network net.Error
	)
	switch {
	case errors.As(err, &answer):
		out.verdict = judge(StageConnect, answer.Code)
	case errors.As(err, &network), errors.As(err, &garbled), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		out.verdict = ill
	}
	return out
}

// ended says in words why there was no answer. What Go says of that holds addresses, and reads as if the relay had said it.
func ended(err error) string {
	var why string
	var inner error
	var network net.Error
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		inner, why = io.ErrUnexpectedEOF, "the relay closed the connection"
	case errors.Is(err, io.EOF):
		inner, why = io.EOF, "the relay closed the connection"
	case errors.As(err, &network) && network.Timeout():
		inner, why = network, "no answer in time"
	case errors.As(err, &network) && errors.Is(err, net.ErrClosed):
		inner, why = network, "ended by us before an answer"
	default:
		return err.Error()
	}
	return strings.TrimSuffix(err.Error(), inner.Error()) + why
}

// mostReply bounds what is kept of a relay's words, in bytes.
const mostReply = 200

// addressLike is an address or part of one, as relays quote them.
var addressLike = regexp.MustCompile(`[^\s<>"']*@[^\s<>"']*`)

// status is an enhanced status code (RFC 3463, 2), at the beginning of a reply's words.
var status = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// unnamed cuts the name before an address's @ out of the relay's words, where it stands alone: some relays leave the domain
// out. An enhanced status code stays, whatever the name is.
func unnamed(words, address string) string {
	name := address[:max(strings.LastIndexByte(address, '@'), 0)]
	if name == "" || !strings.Contains(strings.ToLower(words), strings.ToLower(name)) {
		return words
	}
	alone := regexp.MustCompile(`(?i)(^|[^\pL\pN])` + regexp.QuoteMeta(name) + `($|[^\pL\pN])`)
	from := len(status.FindString(words))
	rest := words[from:]
	for cut := ""; cut != rest; { // two names in a row share what is between them
		cut, rest = rest, alone.ReplaceAllString(rest, "${1}…${2}")
	}
	return words[:from] + rest
}

// tidy cuts addresses and the mail's own secrets out of the relay's words, and anything that would break a line.
func tidy(reply string, secrets []string) string {
	for _, secret := range secrets {
		reply = strings.ReplaceAll(reply, secret, "…")
	}
	if strings.Contains(reply, "@") {
		reply = addressLike.ReplaceAllString(reply, "…")
	}
	reply = strings.Join(strings.FieldsFunc(reply, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(reply) > mostReply {
		reply = reply[:mostReply]
	}
	return strings.ToValidUTF8(reply, "")
}
