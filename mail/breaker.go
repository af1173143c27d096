package mail

import "time"

// longestRest is how many times its first rest an ill relay is left alone at most.
const longestRest = 16

// breaker leaves an ill relay alone, twice as long each time it is found ill again; then one mail finds out. Another may
// when that takes longer than the longest rest: perhaps it hangs at its recipient, and the relay is well. A mail that was
// under way when the breaker opened adds nothing, whenever it fails.
type breaker struct {
	// rest is how long an ill relay is left alone at first.
	rest time.Duration

	failures     int
	since, until time.Time
	reason       string
	// again is when the relay was found ill while a mail was to find out; zero: it was not.
	again time.Time
	// next is when another mail may find out.
	next time.Time
}

// permits tells whether a mail may be handed out now.
func (b *breaker) permits(now time.Time) bool {
	return b.failures == 0 || !now.Before(b.next)
}

// begin is told of a mail handed out, and says whether it is the one that finds out.
func (b *breaker) begin(now time.Time) (probe bool) {
	if b.failures == 0 {
		return false
	}
	b.again, b.next = time.Time{}, now.Add(longestRest*b.rest)
	return true
}

// end is told that a mail that was to find out is not under way any more: what it found counts now.
func (b *breaker) end() {
	if !b.again.IsZero() {
		b.leave(b.again)
	}
	b.next = b.until
}

// ill is told that the relay is; it says whether that is news. A mail that was to find out ends after it.
func (b *breaker) ill(now time.Time, reason string) (news bool) {
	if now.Before(b.until) {
		return false
	}
	if b.failures == 0 {
		b.since = now
		b.leave(now)
	} else {
		b.again = now
	}
	news = b.reason != reason
	b.reason = reason
	return news
}

// leave leaves the relay alone from then on.
func (b *breaker) leave(from time.Time) {
	b.until = from.Add(b.rest * time.Duration(min(1<<min(b.failures, 30), longestRest)))
	b.again, b.next = time.Time{}, b.until
	b.failures++
}

// well is told that the relay took or judged a mail; it says whether that is news.
func (b *breaker) well() (news bool) {
	news = b.failures > 0
	*b = breaker{rest: b.rest}
	return news
}
