package api

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/user"
)

// Rules:
//   - a page is in the order of the addresses, and the next one begins behind its last: rows that come, go and change
//     meanwhile move no other row to another page;
//   - a page looks at 10,000 rows at most, so that one by a rare status comes in time: then it is shorter, perhaps empty,
//     and still says what comes next;
//   - what was erased is not listed; who has no status, because no mail was ever sent, only where that is asked for.

const (
	listedByDefault = 100
	listedAtMost    = 1000
	scannedAtMost   = 10_000 // rows for one page

	withoutStatus = "none"
)

type usersRequest struct {
	Prefix string   `query:"prefix" doc:"Only addresses that begin so." example:"ada@"`
	Status string   `query:"status" enum:"pending,verified,none" doc:"Only of this status; none: no mail was ever sent. Defaults to pending and verified."`
	After  string   `query:"after" doc:"Only addresses behind this one: next of the page before."`
	Limit  pageSize `query:"limit" doc:"At most so many."`
}

type userList struct {
	Users []Summary `json:"users" doc:"In the order of their addresses."`
	Next  string    `json:"next,omitempty" doc:"Ask again with after=next: there may be more."`
}

// Summary is an account as a list shows it. It is exported for huma, which passes over what is not.
type Summary struct {
	Email      string      `json:"email"`
	UserID     string      `json:"user_id,omitempty"`
	Status     user.Status `json:"status,omitempty" enum:"pending,verified" doc:"Absent while no mail was ever sent for it."`
	FirstName  string      `json:"first_name,omitempty"`
	LastName   string      `json:"last_name,omitempty"`
	Locale     string      `json:"locale,omitempty"`
	Version    int64       `json:"version" doc:"Grows by one with each change."`
	CreatedAt  time.Time   `json:"created_at,omitzero"`
	UpdatedAt  time.Time   `json:"updated_at"`
	VerifiedAt time.Time   `json:"verified_at,omitzero"`
}

func newSummary(s user.State) Summary {
	return Summary{
		Email: s.Email, UserID: s.UserID, Status: s.Status, FirstName: s.FirstName, LastName: s.LastName, Locale: s.Locale,
		Version: s.Version, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, VerifiedAt: s.VerifiedAt,
	}
}

// wants says whether a list with this filter shows an account.
func (r *usersRequest) wants(s user.State) bool {
	switch r.Status {
	case "":
		return s.Status == user.StatusPending || s.Status == user.StatusVerified
	case withoutStatus:
		return s.Status == ""
	}
	return string(s.Status) == r.Status
}

func (u *users) list(_ context.Context, r *usersRequest) (*userList, error) {
	limit, wrong := r.Limit.number()
	if problem := badFields(append(wrong, unlisted(r)...)...); problem != nil {
		return nil, problem
	}
	a := &userList{Users: []Summary{}}
	rows := u.Users.List(strings.ToLower(strings.TrimSpace(r.Prefix)), r.After)
	next, err := scan(rows, func(s user.State) string { return s.Email }, func(s user.State) (full bool, err error) {
		if r.wants(s) {
			a.Users = append(a.Users, newSummary(s))
		}
		return len(a.Users) == limit, nil
	})
	if err != nil {
		return nil, unanswered(u.Log, "list users", err)
	}
	a.Next = next
	return a, nil
}

// scan adds rows to a page until it is full, or has seen so many that it is enough, and returns the key of the last one if
// there are more.
func scan[Row any](rows iter.Seq2[Row, error], key func(Row) string, add func(Row) (full bool, err error)) (next string, err error) {
	scanned, full := 0, false
	for row, err := range rows {
		if err != nil {
			return "", err
		}
		if full || scanned == scannedAtMost {
			return next, nil
		}
		if full, err = add(row); err != nil {
			return "", err
		}
		scanned, next = scanned+1, key(row)
	}
	return "", nil
}

// pageSize is a parameter as it came: huma would repeat a value that is no number.
type pageSize string

// Schema describes the number.
func (pageSize) Schema(huma.Registry) *huma.Schema {
	least, most := 1.0, float64(listedAtMost)
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: listedByDefault}
}

func (s pageSize) number() (int, []FieldError) {
	if s == "" {
		return listedByDefault, nil
	}
	n, err := strconv.Atoi(string(s))
	if err != nil || n < 1 || n > listedAtMost {
		return 0, []FieldError{wrongField("limit", parameterInvalid)}
	}
	return n, nil
}

// unlisted finds the parameters of a request that are none of what their enum lists.
func unlisted(request any) (wrong []FieldError) {
	given := reflect.ValueOf(request).Elem()
	for i := range given.NumField() {
		parameter, value := given.Type().Field(i).Tag, given.Field(i).String()
		if possible := strings.Split(parameter.Get("enum"), ","); possible[0] != "" && value != "" && !slices.Contains(possible, value) {
			last := len(possible) - 1
			detail := "must be " + strings.Join(possible[:last], ", ") + " or " + possible[last]
			wrong = append(wrong, FieldError{parameter.Get("query"), parameterInvalid, detail})
		}
	}
	return wrong
}
