package mail

import "time"

// longestRest is how many times its first rest an ill relay is left alone at most.
const longestRest = 16

// breaker leaves an ill relay alone, twice as long each time it is found ill again; then one mail finds out. Another may
// when that takes longer than the longest rest: perhaps it hangs at its recipient, and the relay is well. A mail that was
// under way when the breaker opened adds nothing, whenever it fails. One that found the relay ill before may be one that it
// cannot bear: the relay is left alone as at first, and no longer.
type breaker struct {
	// rest is how long an ill relay is left alone at first.
	rest time.Duration

	failures     int
	since, until time.Time
	reason       string
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
	b.next = now.Add(longestRest * b.rest)
	return true
}

// end is told that a mail that was to find out is not under way any more.
func (b *breaker) end() { b.next = b.until }

// ill is told that the relay is, by a mail that was to find out or by another, and whether that mail said so before. It says
// whether that is news.
func (b *breaker) ill(now time.Time, reason string, probe, again bool) (news bool) {
	if b.failures > 0 && !probe {
		return false
	}
	if b.failures == 0 {
		b.since = now
	}
	news = b.reason != reason
	b.reason = reason
	if again {
		b.until = now.Add(b.rest)
		b.failures = max(b.failures, 1)
	} else {
		b.until = now.Add(b.rest * time.Duration(min(1<<min(b.failures, 30), longestRest)))
		b.failures++
	}
	b.next = b.until
	return news
}

// well is told that the relay took or judged a mail; it says whether that is news.
func (b *breaker) well() (news bool) {
	news = b.failures > 0
	*b = breaker{rest: b.rest}
	return news
}
