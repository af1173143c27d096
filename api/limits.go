package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/httprate"
)

// Rules:
//   - a client (IPv6 by its /64, which is what one customer gets) may send so many commands a minute, and ten times as many
//     questions (OWASP ASVS 5.0 6.6.3); one too many is answered 429 rate_limited, and not counted;
//   - Retry-After is when the next one is taken, if nobody else of that client asks;
//   - RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10) speak of the client's own limit alone:
//     what others did is nobody's business;
//   - what would be more than MaxInFlight at the same time is answered 503 overloaded: the memory has a bound, too;
//   - limits count in memory: each instance has its own.

const (
	defaultRateLimit = 60
	readsPerCommand  = 10 // a page asks more often than it sends
	perClient        = time.Minute
)

// limit bounds how often each of many keys may do something in a window that slides.
type limit struct {
	name   string // in headers and metrics
	most   int
	window time.Duration

	mu     sync.Mutex // so that no other counts between reading and counting
	counts httprate.LimitCounter
}

func newLimit(name string, most int, window time.Duration) *limit {
	return &limit{name: name, most: most, window: window, counts: httprate.NewLocalLimitCounter(window)}
}

// quota is what a limit leaves to a key.
type quota struct {
	taken bool
	left  int           // how many more are taken now
	reset time.Duration // none left: until one is; else until the window ends
}

// take counts one more of the key, unless that is too many.
func (l *limit) take(key string, now time.Time) quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := now.UTC().Truncate(l.window)
	current, previous, _ := l.counts.Get(key, began, began.Add(-l.window)) // in memory: it never fails
	into := now.Sub(began)
	rest := 1 - into.Seconds()/l.window.Seconds() // the share of the last window that still counts
	free := float64(l.most) - float64(current) - float64(previous)*rest
	q := quota{taken: free >= 1-1e-9} // what is said to fit in a second does
	if q.taken {
		_ = l.counts.Increment(key, began) // as above
		current, free = current+1, free-1
	}
	q.left, q.reset = max(0, int(free)), l.window-into
	if q.left > 0 {
		return q
	}
	// One fits again as soon as so little of a window's count is left:
	share := func(count, fits int) time.Duration {
		return time.Duration((1 - float64(fits)/float64(count)) * float64(l.window))
	}
	if fits := l.most - 1 - current; fits >= 0 {
		q.reset = share(previous, fits) - into
	} else {
		q.reset += share(current, l.most-1)
	}
	return q
}

// bound counts a request of who asks and tells them what is left. It returns the problem of one too many.
func (p *public) bound(ctx context.Context, l *limit) *Problem {
	if l == nil {
		return nil
	}
	c := clientOf(ctx)
	q := l.take(httprate.CanonicalizeIP(c.addr.String()), time.Now())
	seconds := max(1, int(math.Ceil(q.reset.Seconds())))
	c.header.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", l.name, l.most, int(l.window.Seconds())))
	c.header.Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", l.name, q.left, seconds))
	if q.taken {
		return nil
	}
	problem := newProblem(rateLimited, fmt.Sprintf("try again in %d s", seconds))
	problem.header.Set("Retry-After", strconv.Itoa(seconds))
	return problem
}

// bounded lets the requests through that are within the client's limits; deny says who answers the others.
func (p *public) bounded(deny denial) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l := p.reads
			if r.Method == http.MethodPost {
				l = p.commands
			}
			answers := next
			if problem := p.bound(r.Context(), l); problem != nil {
				answers = deny(problem, next)
			}
			answers.ServeHTTP(w, r)
		})
	}
}

// unlessFull lets as many requests that send something through as may be in flight.
func (p *public) unlessFull(deny denial) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answers := next
			if r.Method == http.MethodPost {
				select {
				case p.inFlight <- struct{}{}:
					defer func() { <-p.inFlight }()
				default:
					answers = deny(newProblem(overloaded, ""), next)
				}
			}
			answers.ServeHTTP(w, r)
		})
	}
}

// denial returns who answers a request that is not taken: next is who would have.
type denial func(problem *Problem, next http.Handler) http.Handler

// asProblem answers with the problem.
func asProblem(problem *Problem, _ http.Handler) http.Handler { return problem }

type refusedKey struct{}

// asPage leaves the answer to the form's own page, which shows what send says.
func asPage(problem *Problem, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), refusedKey{}, problem)))
	})
}

// refused returns why nothing is taken of a request any more, nil if it is.
func refused(ctx context.Context) *Problem {
	problem, _ := ctx.Value(refusedKey{}).(*Problem)
	return problem
}
