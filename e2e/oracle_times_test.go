package e2e

// The times of answers tell as little as the answers do (make oracle):
//   - register and resend are called for addresses of every class in random order, one after the other, by one caller on
//     one warm connection;
//   - each call is for an address of its own: it is what is known of the address that is measured, not what the call before did;
//   - a class can be slowed: a measurement that would not find that finds nothing.

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"countersign/e2e/oracle"
)

// samples are how long answers took, by call and class.
type samples map[string]map[string][]time.Duration

func TestOracleTimes_OfEveryPairOfClasses_AreAlike(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("ORACLE"))
	if n == 0 {
		t.Skip("runs with make oracle: ORACLE says how many calls of each class")
	}
	slowed, delay, _ := strings.Cut(os.Getenv("ORACLE_HANDICAP"), "=")
	handicap, err := time.ParseDuration(delay)
	if delay != "" {
		check(t, err)
	}
	s := start(t, map[string]string{"RATE_LIMIT": "off", "LOG_LEVEL": "warn"})
	s.keepsTimes(t)
	for call, byClass := range s.times(t, n, map[string]time.Duration{slowed: handicap}) {
		pairs := oracle.Pairs(byClass)
		t.Logf("%d calls of %s for each class:\n%s", n, call, report(byClass, pairs))
		for _, p := range pairs {
			if p.Tells() {
				t.Errorf("%s tells %s from %s: %+v", call, p.A, p.B, p)
			}
		}
	}
}

func slownessIsFound(t *testing.T, s *system) {
	const slow = "verified"
	for call, byClass := range s.times(t, 20, map[string]time.Duration{slow: 50 * time.Millisecond}) {
		for _, p := range oracle.Pairs(byClass) {
			if (p.A == slow || p.B == slow) && !p.Tells() {
				t.Errorf("%s: %+v", call, p)
			}
		}
	}
}

// times calls n times for each class, and waits the handicap of a class within its time.
func (s *system) times(t *testing.T, n int, handicaps map[string]time.Duration) samples {
	t.Helper()
	type request struct {
		call, class string
		history     *history
	}
	var requests []request
	var histories []*history
	for range n {
		round := len(requests)
		for class := range classes {
			for _, call := range []string{"register", "resend"} {
				h := newHistory(t, class)
				requests, histories = append(requests, request{call, class, h}), append(histories, h)
			}
		}
		rand.Shuffle(len(requests)-round, func(i, j int) {
			requests[round+i], requests[round+j] = requests[round+j], requests[round+i]
		})
	}
	s.live(t, histories...)
	took := samples{"register": {}, "resend": {}}
	for _, r := range requests {
		body := object("verification_id", r.history.handle)
		if r.call == "register" {
			body = object("email", r.history.address, "first_name", "Eve")
		}
		took[r.call][r.class] = append(took[r.call][r.class], s.time(t, r.call, body, handicaps[r.class]))
	}
	return took
}

// time returns how long the answer to a call took.
func (s *system) time(t *testing.T, call, body string, handicap time.Duration) time.Duration {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.api(0).public("/api/"+call), strings.NewReader(body))
	check(t, err)
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := client.Do(r)
	check(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	time.Sleep(handicap)
	took := time.Since(began)
	check(t, err)
	check(t, response.Body.Close())
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %s", call, response.Status)
	}
	return took
}

// report is a table of the classes and their pairs.
func report(byClass map[string][]time.Duration, pairs []oracle.Pair) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, class := range slices.Sorted(maps.Keys(byClass)) {
		fmt.Fprintf(w, "%s\tmedian %s\n", class, oracle.Median(byClass[class]))
	}
	fmt.Fprintln(w, "pair\tmedians differ by\t\tAUC\tcorrected p")
	for _, p := range pairs {
		fmt.Fprintf(w, "%s, %s\t%s\t%+.2f %%\t%.3f\t%.3f\n", p.A, p.B, p.Difference, 100*p.Relative, p.AUC, p.P)
	}
	w.Flush()
	return b.String()
}
