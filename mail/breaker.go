package mail

import "time"

// longestRest is how many times its first rest an ill relay is left alone at most.
const longestRest = 16

// breaker leaves an ill relay alone, twice as long each time it is found ill again; one mail at a time finds out.
type breaker struct {
	// rest is how long an ill relay is left alone at first.
	rest time.Duration

	failures     int
	since, until time.Time
	reason       string
	probing      bool
}

// permits tells whether a mail may be handed out now.
func (b *breaker) permits(now time.Time) bool {
	return b.failures == 0 || !b.probing && !now.Before(b.until)
}

// begin is told of a mail handed out, and says whether it is the one that finds out.
func (b *breaker) begin() (probe bool) {
	b.probing = b.failures > 0
	return b.probing
}

// ill is told that the relay is; it says whether that is news. What was under way when the breaker opened adds nothing.
func (b *breaker) ill(now time.Time, reason string) (news bool) {
	if now.Before(b.until) {
		return false
	}
	if b.failures == 0 {
		b.since = now
	}
	news = b.reason != reason
	b.until = now.Add(b.rest * time.Duration(min(1<<min(b.failures, 30), longestRest)))
	b.failures++
	b.reason = reason
	return news
}

// well is told that the relay took or judged a mail; it says whether that is news.
func (b *breaker) well() (news bool) {
	news = b.failures > 0
	*b = breaker{rest: b.rest}
	return news
}
