// Rules of the pace:
//   - mails begin at least an interval apart, whichever connection takes them;
//   - who comes late catches up, by a tenth of a second at most: a pause is not saved up.

package mail

import "time"

// paceSlack is how far mails may lag behind their pace and catch up at once: nobody can wait exactly.
const paceSlack = 100 * time.Millisecond

// pace spreads mails over time. The zero pace does not.
type pace struct {
	// interval is between two mails.
	interval time.Duration
	next     time.Time
}

// newPace is that of so many mails a second; 0 is no limit.
func newPace(rate float64) pace {
	if rate <= 0 {
		return pace{}
	}
	return pace{interval: time.Duration(float64(time.Second) / rate)}
}

// permits tells whether a mail may be handed out now.
func (p *pace) permits(now time.Time) bool { return !p.next.After(now) }

// begin is told of a mail handed out.
func (p *pace) begin(now time.Time) {
	if earliest := now.Add(-paceSlack); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(p.interval)
}
