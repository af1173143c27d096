package views_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/topics"
	"countersign/user"
	"countersign/views"
)

// BenchmarkList reads pages of a table of 1,000,000 rows, as GET /users does: go test -run '^$' -bench List ./views.
func BenchmarkList(b *testing.B) {
	const rows = 1_000_000
	cluster, emitter := kafka(b, topics.UserTable, 16)
	email := func(i int) string { return fmt.Sprintf("ada%07d@example.com", i) }
	var written errgroup.Group
	written.SetLimit(1000)
	for i := range rows {
		written.Go(func() error { return emitter.Emit(b.Context(), topics.UserTable, email(i), rowOf(b, email(i), i), nil) })
	}
	if err := written.Wait(); err != nil {
		b.Fatal(err)
	}
	view, err := views.NewUsers(cluster)
	if err != nil {
		b.Fatal(err)
	}
	runs(b, view.Run, func() bool { return view.Health().Ready })
	for name, page := range map[string]struct {
		prefix, after string
		rows          int
	}{
		"FirstPageOf100":    {"", "", 100},
		"PageOf1000":        {"", email(500_000), 1000},
		"PageOfAPrefix":     {"ada07654", "", 100},
		"RowsOfALongSearch": {"", email(300_000), 10_000},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n := 0
				for _, err := range view.List(page.prefix, page.after) {
					if err != nil {
						b.Fatal(err)
					}
					if n++; n == page.rows {
						break
					}
				}
				if n != page.rows {
					b.Fatalf("%d rows, want %d", n, page.rows)
				}
			}
		})
	}
}

// rowOf is a row as an account has it that was proven after a wrong guess.
func rowOf(b *testing.B, email string, i int) []byte {
	b.Helper()
	at := time.Date(2026, 11, 22, 12, 0, 0, i, time.UTC)
	digest := make([]byte, 32)
	outcome := func(command user.CommandType, result user.Result) user.Outcome {
		return user.Outcome{CommandID: "8b64ed50-5b6f-84d6-805f-50dc2d5da669", Type: command, Result: result, AttemptsRemaining: 4, At: at}
	}
	row, err := json.Marshal(user.State{
		Email: email, UserID: "ce93ecee-d2f0-88ec-941f-4fd9024ec6d7", Status: user.StatusVerified, FirstName: "Ada", LastName: "Lovelace", Locale: "en-GB",
		Version: 3, CreatedAt: at, UpdatedAt: at, VerifiedAt: at, MailSlots: []user.MailSlot{{At: at}},
		Verifications: []user.Verification{{
			ID: "fb9e76f8-b911-892b-8fe9-d9a910eb860a", Status: user.VerificationVerified, SecretID: "a", Nonce: digest[:16], AnswerDigest: digest, LinkDigest: digest,
			FirstName: "Ada", LastName: "Lovelace", Locale: "en-GB", OpenedAt: at, ExpiresAt: at, Slot: true,
			Outcomes: []user.Outcome{outcome(user.Register, user.Accepted), outcome(user.Verify, user.CodeInvalid), outcome(user.Verify, user.Verified)},
		}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return row
}
