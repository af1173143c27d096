package api

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Rules:
//   - a list shows no key and no value; who asks for one letter sees them, without codes;
//   - a retry is answered when it is written. Repeating it has no second effect, and says that it was retried;
//   - all are retried in portions, oldest first, so that an answer comes in time.

const (
	retriedAtOnce = 100
	retryWithin   = 10 * time.Second
)

// DeadLetters is what was put aside.
type DeadLetters interface {
	// After iterates over the letters whose id is greater, those that failed first ahead. An error ends it.
	After(id string) iter.Seq2[DeadLetter, error]
	// Get returns a letter, and whether there is one.
	Get(id string) (DeadLetter, bool, error)
	// Retry gives letters back to their topics, and returns for those it did not why, by id. Its error is as those of
	// Commands.Send. Retrying again has no second effect.
	Retry(ctx context.Context, ids ...string) (map[string]NotRetried, error)
}

// States of a letter.
const (
	LetterOpen    = "open"
	LetterRetried = "retried"
	LetterRefused = "refused"
)

// NotRetried says why a letter was not retried: because it was before
// (LetterRetried), because it cannot be (LetterRefused), or because there is
// none (empty).
type NotRetried struct{ State, Why string }

// DeadLetter is a record that was put aside.
type DeadLetter struct {
	ID         string    `json:"id"`
	State      string    `json:"state" enum:"open,retried,refused"`
	Refused    string    `json:"refused,omitempty" doc:"Why it cannot be retried."`
	Attempts   int       `json:"attempts" doc:"How often it failed."`
	FailedAt   time.Time `json:"failed_at" doc:"Last."`
	RetriedAt  time.Time `json:"retried_at,omitzero" doc:"Since it failed last."`
	Reason     string    `json:"reason"`
	Topic      string    `json:"topic"`
	Partition  int32     `json:"partition"`
	Offset     int64     `json:"offset"`
	Group      string    `json:"group" doc:"That could not read or handle it."`
	RecordedAt time.Time `json:"recorded_at" doc:"When it first stood on its topic."`

	Stack   string            `json:"stack,omitempty"`
	Key     string            `json:"key,omitempty"`
	Value   *string           `json:"value,omitempty" doc:"Absent if it has none, or is no text."`
	Binary  []byte            `json:"value_base64,omitempty" doc:"Of a value that is no text."`
	Headers map[string]string `json:"headers,omitempty" doc:"What is no text in them is shown as �."`
}

// listed is the letter without what only the one who asks for it sees.
func (d DeadLetter) listed() DeadLetter {
	d.Stack, d.Key, d.Value, d.Binary, d.Headers = "", "", nil, nil, nil
	return d
}

// letters answers what is asked about dead letters.
type letters struct{ InternalConfig }

func addDeadLetters(d *description, c InternalConfig) {
	l := &letters{c}
	get(d, huma.Operation{
		OperationID: "dead-letters", Path: "/dead-letters", Summary: "List what was put aside, the latest first",
	}, []string{parameterInvalid, unavailable}, l.list)
	get(d, huma.Operation{
		OperationID: "dead-letter", Path: "/dead-letters/{id}", Summary: "Show a record that was put aside",
	}, []string{deadLetterNotFound, unavailable}, l.show)
	bodiless(d, huma.Operation{
		Method: http.MethodPost, OperationID: "retry", Path: "/dead-letters/{id}/retry", Summary: "Give a record back to its topic",
	}, []string{deadLetterNotFound, deadLetterRetried, deadLetterRefused, unavailable, outcomeUnknown}, l.retry)
	bodiless(d, huma.Operation{
		Method: http.MethodPost, OperationID: "retry-all", Path: "/dead-letters/retry", Summary: "Give back what can be, the oldest first, 100 at a time",
	}, []string{unavailable, outcomeUnknown}, l.retryAll)
}

// LetterFilter says which letters are meant. It is exported for huma, which passes over what is not.
type LetterFilter struct {
	Topic  string `query:"topic" doc:"Only of this topic."`
	Reason string `query:"reason" doc:"Only with this in their reason."`
}

func (r LetterFilter) wants(d DeadLetter) bool {
	return (r.Topic == "" || r.Topic == d.Topic) && strings.Contains(d.Reason, r.Reason)
}

type listRequest struct {
	LetterFilter
	Limit pageSize `query:"limit" doc:"At most so many."`
}

type letterList struct {
	DeadLetters []DeadLetter `json:"dead_letters" doc:"The latest first, without keys and values."`
	More        bool         `json:"more" doc:"There are older ones."`
}

func (l *letters) list(_ context.Context, r *listRequest) (*letterList, error) {
	limit, wrong := r.Limit.number()
	if problem := badFields(wrong...); problem != nil {
		return nil, problem
	}
	a := &letterList{DeadLetters: []DeadLetter{}}
	for d, err := range l.DeadLetters.After("") {
		if err != nil {
			return nil, unanswered(l.Log, "read dead letters", err)
		}
		if r.wants(d) {
			a.DeadLetters = append(a.DeadLetters, d.listed())
		}
		if len(a.DeadLetters) > limit {
			a.DeadLetters, a.More = a.DeadLetters[1:], true
		}
	}
	slices.Reverse(a.DeadLetters)
	return a, nil
}

type letterRequest struct {
	ID string `path:"id"`
}

func (l *letters) show(_ context.Context, r *letterRequest) (*DeadLetter, error) {
	d, found, err := l.DeadLetters.Get(r.ID)
	if err != nil {
		return nil, unanswered(l.Log, "read dead letters", err)
	}
	if !found {
		return nil, newProblem(deadLetterNotFound, "")
	}
	return &d, nil
}

type retried struct {
	Retried    []string     `json:"retried" doc:"The ids of what was given back."`
	NotRetried []notRetried `json:"not_retried" doc:"What was not, and why."`
	Next       string       `json:"next,omitempty" doc:"Ask again with after=next: there is more."`
}

type notRetried struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

func (l *letters) retry(ctx context.Context, r *letterRequest) (*retried, error) {
	not, err := l.give(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if n, refused := not[r.ID]; refused {
		code := map[string]string{LetterRetried: deadLetterRetried, LetterRefused: deadLetterRefused}[n.State]
		return nil, newProblem(cmp.Or(code, deadLetterNotFound), n.Why)
	}
	return &retried{Retried: []string{r.ID}, NotRetried: []notRetried{}}, nil
}

type retryAllRequest struct {
	LetterFilter
	After string `query:"after" doc:"Only with a greater id."`
}

func (l *letters) retryAll(ctx context.Context, r *retryAllRequest) (*retried, error) {
	a := &retried{Retried: []string{}, NotRetried: []notRetried{}}
	var ids []string
	for d, err := range l.DeadLetters.After(r.After) {
		if err != nil {
			return nil, unanswered(l.Log, "read dead letters", err)
		}
		if !r.wants(d) || d.State != LetterOpen {
			continue
		}
		if len(ids) == retriedAtOnce {
			a.Next = ids[len(ids)-1]
			break
		}
		ids = append(ids, d.ID)
	}
	if len(ids) == 0 {
		return a, nil
	}
	not, err := l.give(ctx, ids...)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if n, refused := not[id]; refused {
			a.NotRetried = append(a.NotRetried, notRetried{id, n.Why})
		} else {
			a.Retried = append(a.Retried, id)
		}
	}
	return a, nil
}

// give gives letters back, and logs which.
func (l *letters) give(ctx context.Context, ids ...string) (map[string]NotRetried, error) {
	ctx, cancel := context.WithTimeout(ctx, retryWithin)
	defer cancel()
	not, err := l.DeadLetters.Retry(ctx, ids...)
	if err != nil {
		l.Log.WithField("doing", "retry dead letters").WithError(err).Warn("call not answered")
		return nil, notDone(err, "repeat it: a letter is given back once")
	}
	for _, id := range ids {
		if _, refused := not[id]; !refused {
			l.Log.WithField("dead_letter", id).Info("dead letter retried")
		}
	}
	return not, nil
}
