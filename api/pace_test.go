package api_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"countersign/api"
	"countersign/user"
)

// slow takes commands after a while.
type slow struct {
	*fold
	after time.Duration
}

func (s slow) Send(ctx context.Context, c user.Command) error {
	time.Sleep(s.after)
	return s.fold.Send(ctx, c)
}

func TestPace_AnswersThatTellNothing_LeaveInSteps(t *testing.T) {
	for _, c := range []struct {
		path, contentType, body string
		took, want              time.Duration
	}{
		{"/api/register", "application/json", registration, 0, 50 * time.Millisecond},
		{"/api/register", "application/json", registration, 49 * time.Millisecond, 50 * time.Millisecond},
		{"/api/register", "application/json", registration, 51 * time.Millisecond, 100 * time.Millisecond},
		{"/register", "application/x-www-form-urlencoded", "email=ada@example.com&first_name=Ada", time.Millisecond, 50 * time.Millisecond},
		{"/api/register", "application/json", "{}", 0, 0},
		{"/api/verify", "application/json", "{}", 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newHandler(t, func(cfg *api.Config) {
				cfg.Pace = 50 * time.Millisecond
				cfg.Commands = slow{cfg.Commands.(*fold), c.took}
			})
			began := time.Now()
			a := s.ask(http.MethodPost, c.path, "192.0.2.1:1", c.body, "Content-Type", c.contentType)
			if took := time.Since(began); took != c.want || a.status >= 500 {
				t.Errorf("%s %s: %d after %s", c.path, c.body, a.status, took)
			}
		})
	}
}
