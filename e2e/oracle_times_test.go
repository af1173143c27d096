package e2e

// The times of answers tell as little as the answers do (make oracle):
//   - register and resend are called for addresses of every class in random order, each by one caller, one after the
//     other on one warm connection;
//   - each call is for an address of its own: it is what is known of the address that is measured, not what the call before did;
//   - a class can be slowed: a measurement that would not find that finds nothing.

import (
	"context"
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

	"golang.org/x/sync/errgroup"

	"countersign/e2e/oracle"
)

// samples are how long answers took, by call and class.
type samples map[string]map[string][]time.Duration

func TestOracleTimes_OfEveryPairOfClasses_AreAlike(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("ORACLE_CALLS"))
	if n == 0 {
		t.Skip("runs with make oracle: ORACLE_CALLS says how many of each class")
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

func TestOracleTimes_AClassThatIsSlowed_IsFound(t *testing.T) {
	if os.Getenv("ORACLE_CALLS") == "" {
		t.Skip("runs with make oracle: it measures")
	}
	s := start(t, map[string]string{"RATE_LIMIT": "off", "LOG_LEVEL": "warn"})
	s.keepsTimes(t)
	const slow = "verified"
	for call, byClass := range s.times(t, 30, map[string]time.Duration{slow: 100 * time.Millisecond}) {
		for _, p := range oracle.Pairs(byClass) {
			if (p.A == slow || p.B == slow) && !p.Tells() {
				t.Errorf("%s: %+v", call, p)
			}
		}
	}
}

// times calls n times each for each class, and waits the handicap of a class within its time.
func (s *system) times(t *testing.T, n int, handicaps map[string]time.Duration) samples {
	t.Helper()
	took := samples{}
	var callers []func() error
	var histories []*history
	for _, call := range []string{"register", "resend"} {
		took[call] = map[string][]time.Duration{}
		var order []*history
		for range n {
			round := make([]*history, 0, len(classes))
			for class := range classes {
				round = append(round, newHistory(t, class))
			}
			rand.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
			order = append(order, round...)
		}
		histories = append(histories, order...)
		callers = append(callers, func() error {
			for _, h := range order {
				d, err := s.time(t.Context(), call, h, handicaps[h.class])
				if err != nil {
					return err
				}
				took[call][h.class] = append(took[call][h.class], d)
			}
			return nil
		})
	}
	s.live(t, histories...)
	var group errgroup.Group
	for _, caller := range callers {
		group.Go(caller)
	}
	check(t, group.Wait())
	return took
}

// time returns how long the answer to a call took.
func (s *system) time(ctx context.Context, call string, h *history, handicap time.Duration) (time.Duration, error) {
	body := object("verification_id", h.handle)
	if call == "register" {
		body = object("email", h.address, "first_name", "Eve")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api(0).public("/api/"+call), strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	time.Sleep(handicap)
	took := time.Since(began)
	if response.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %s", call, response.Status)
	}
	return took, err
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
