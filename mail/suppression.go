// Rules of a suppression:
//   - an address of which the relay said for good that nobody is there is not mailed again, until an operator takes it off
//     the list: who goes on mailing such addresses is taken for a sender of spam;
//   - a reply about us, about what we wrote, about the way or about a full mailbox says nothing of that kind, nor does one
//     that says only that a command was not liked: a relay that forgets who we are must not empty the list of those we mail.

package mail

import "regexp"

// refusal is a reply for good: its code, and the subject and detail of its enhanced status code, if it has one.
var refusal = regexp.MustCompile(`^(5\d\d)(?:[ -]+5\.(\d{1,3})\.(\d{1,3})\b)?`)

// aboutUs are words of replies that refuse a sender, not a recipient: "550 relay not permitted" is Exim's.
var aboutUs = regexp.MustCompile(`(?i)\brelay|denied|permitted|policy|authenti|spam|bl(o|a)ck|reputation|\b(spf|dkim|dmarc|rbl)\b`)

// Suppresses says whether what came of an attempt means that nobody will ever be at the address. Without an enhanced status
// code every 55z reply to RCPT does, which is of the mail system (RFC 5321 §4.2.1) and not of syntax (50z) or a login (53z),
// but for 552, a full mailbox (§4.2.3), and for words that are about us. With one, its subject must be the address (RFC 3463 §3.2: X.1) or be left open (X.0),
// or its mailbox be disabled (§3.3: X.2.1).
func (d Delivery) Suppresses() bool {
	if d.By != BySender || d.State != Failed || d.Stage != StageRcpt {
		return false
	}
	status := refusal.FindStringSubmatch(d.Reply)
	if status == nil {
		return false
	}
	switch code, subject, detail := status[1], status[2], status[3]; subject {
	case "":
		return code[1] == '5' && code != "552" && !aboutUs.MatchString(d.Reply)
	case "0", "1":
		return true
	case "2":
		return detail == "1"
	}
	return false
}
