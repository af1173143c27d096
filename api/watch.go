package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"countersign/user"
)

// Rules:
//   - a change is shown as the account is when it is sent: of changes close together one may show what the next one does;
//   - of an account that was removed or erased only the address is told;
//   - who reads slower than accounts change is told so and cut off; it holds up nobody. Nothing is sent again: what came
//     meanwhile is in the list;
//   - a line every 15 s shows that the connection lives;
//   - a stop ends it.

const (
	watchHeartbeat   = 15 * time.Second
	watchWriteWithin = 10 * time.Second
	watchRetry       = 2 * time.Second // after which a browser connects again
)

// watch answers with server-sent events (WHATWG HTML §9.2): user with an account, removed with an address, cut at the end.
func (u *users) watch(context.Context, *struct{}) (http.HandlerFunc, error) {
	if _, _, err := u.Users.Get(""); err != nil {
		return nil, unanswered(u.Log, "watch users", err)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := untilStop(r.Context())
		defer cancel()
		changed, done := u.Users.Watch()
		defer done()
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		_ = out.SetReadDeadline(time.Time{}) // or the server would take the client for gone
		send := func(format string, args ...any) error {
			_ = out.SetWriteDeadline(time.Now().Add(watchWriteWithin)) // where none can be set, the server's holds
			if _, err := fmt.Fprintf(w, format+"\n\n", args...); err != nil {
				return err
			}
			return out.Flush()
		}
		err := send("retry: %d", watchRetry.Milliseconds())
		beat := time.NewTicker(watchHeartbeat)
		defer beat.Stop()
		for err == nil && r.Method != http.MethodHead {
			select {
			case email, ok := <-changed:
				if !ok {
					_ = send("event: cut\ndata: %s", `{"detail":"this reader was too slow: list the users, then watch again"}`)
					return
				}
				var change string
				if change, err = u.change(email); err == nil {
					err = send("%s", change)
				}
			case <-beat.C:
				err = send(": still there")
			case <-ctx.Done():
				return
			}
		}
	}, nil
}

// change is the event of an address that changed.
func (u *users) change(email string) (string, error) {
	state, partition, offset, found, err := u.Users.Locate(email)
	if err != nil {
		return "", err
	}
	event, data := "user", any(newSummary(state))
	if !found || state.Status == user.StatusDeleted {
		event, data = "removed", struct {
			Email string `json:"email"`
		}{email}
	}
	line, err := json.Marshal(data)
	return fmt.Sprintf("id: %d-%d\nevent: %s\ndata: %s", partition, offset, event, line), err
}
