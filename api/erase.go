package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"countersign/user"
)

// Rules:
//   - answered when it is done, as the view shows it; what is gone already is not found;
//   - repeating it after a 503 is harmless.

type erased struct {
	UserID   string    `json:"user_id,omitempty" doc:"Of the account that is gone. Absent if there was none, but attempts."`
	ErasedAt time.Time `json:"erased_at"`
}

func (u *users) erase(ctx context.Context, r *userRequest) (*erased, error) {
	state, _, _, err := u.find(r)
	if err != nil {
		return nil, err
	}
	c := user.Command{ID: rand.Text(), Type: user.Erase, Email: state.Email, IssuedAt: time.Now().UTC()}
	ctx, cancel := context.WithTimeout(ctx, outcomeWithin)
	defer cancel()
	err = u.Commands.Send(ctx, c)
	if err == nil {
		_, o, e := u.Users.Await(ctx, c.Email, "", c.ID)
		if e == nil {
			u.Log.WithField("user_id", state.UserID).Info("account erased")
			return &erased{state.UserID, o.At}, nil
		}
		err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, e)
	}
	u.Log.WithField("doing", "erase").WithError(err).Warn("call not answered")
	return nil, notDone(err, "repeat it: what is erased already is not found")
}
