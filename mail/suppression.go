// Rules of a suppression:
//   - an address of which the relay said for good that nobody is there is not mailed again, until an operator takes it off
//     the list: who goes on mailing such addresses is taken for a sender of spam;
//   - a reply about us, about what we wrote, about the way or about a full mailbox says nothing of that kind, nor does one
//     that says only that a command was not liked: a relay that forgets who we are must not empty the list of those we mail.

package mail

import "regexp"

// refusal is a reply for good: its code, and the subject and detail of its enhanced status code, if it has one.
var refusal = regexp.MustCompile(`^(5\d\d)(?:[ -]+5\.(\d{1,3})\.(\d{1,3})\b)?`)

// aboutUs are words of replies that refuse a sender, not a recipient: "550 relay not permitted" and "550 Sender verify
// failed" are Exim's, "Sender address rejected" is Postfix', which checks a sender at RCPT.
var aboutUs = regexp.MustCompile(`(?i)\brelay|\bsender|denied|permitted|policy|authenti|spam|bl(o|a)ck|reputation|verif|\b(spf|dkim|dmarc|rbl)\b`)

// Suppresses says whether what came of an attempt means that nobody will ever be at the address. Where the enhanced status
// code leaves open what is wrong (RFC 3463 §3.1: X.0; §3.2: X.1.0), or there is none, every 55z reply to RCPT does, which is of
// the mail system (RFC 5321 §4.2.1) and not of syntax (50z) or a login (53z), but for 552, a full mailbox (§4.2.3), and for
// words that are about us. Else it must be of the recipient's address (RFC 3463 §3.2: X.1, but for X.1.7 and X.1.8, which are of
// the sender's) or say that its mailbox is disabled (§3.3: X.2.1).
func (d Delivery) Suppresses() bool {
	if d.By != BySender || d.State != Failed || d.Stage != StageRcpt {
		return false
	}
	status := refusal.FindStringSubmatch(d.Reply)
	if status == nil {
		return false
	}
	code, subject, detail := status[1], status[2], status[3]
	switch {
	case subject == "", subject == "0", subject == "1" && detail == "0":
		return code[1] == '5' && code != "552" && !aboutUs.MatchString(d.Reply)
	case subject == "1":
		return detail != "7" && detail != "8"
	default:
		return subject == "2" && detail == "1"
	}
}
