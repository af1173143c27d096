package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"countersign/user"
)

// Rules:
//   - the list knows an address by a hash, so it is never shown whole: who asks must have the address;
//   - it outlives an erasure, so that nobody is mailed for having been erased;
//   - taking an address off is answered when Kafka has it. Repeating it is harmless: what is off already is not found.

// Suppressions are the addresses to which nothing is sent.
type Suppressions interface {
	// Of returns since when and why a normalised address is among them, and whether it is.
	Of(email string) (s Suppression, found bool, err error)
}

// Suppression is why nothing is sent to an address.
type Suppression struct {
	At    time.Time `json:"suppressed_at"`
	Reply string    `json:"reply" doc:"The words with which the relay refused the address for good."`
}

func addSuppressions(d *description, c InternalConfig) {
	m := &mails{c}
	codes := []string{emailInvalid, emailUnsupported, suppressionNotFound, unavailable}
	get(d, huma.Operation{
		OperationID: "suppression", Path: "/suppressions/{email}", Summary: "Show since when and why nothing is sent to an address",
	}, codes, m.showSuppression)
	bodiless(d, huma.Operation{
		Method: http.MethodDelete, OperationID: "unsuppress", Path: "/suppressions/{email}", DefaultStatus: http.StatusAccepted,
		Summary: "Have mails sent to an address again", Description: "Those that were given up need a retry each.",
	}, append(codes, outcomeUnknown, overloaded), m.unsuppress)
}

// suppression is an address's entry in the list, nil if it has none.
func (c InternalConfig) suppression(email string) (*Suppression, error) {
	s, found, err := c.Suppressions.Of(email)
	if err != nil {
		return nil, unanswered(c.Log, "read suppressions", err)
	}
	if !found {
		return nil, nil
	}
	return &s, nil
}

func (m *mails) showSuppression(_ context.Context, r *userRequest) (*Suppression, error) {
	_, s, err := m.suppressed(r)
	return s, err
}

func (m *mails) unsuppress(ctx context.Context, r *userRequest) (*Suppression, error) {
	email, s, err := m.suppressed(r)
	if err != nil {
		return nil, err
	}
	return s, m.order(ctx, MailCommand{Type: MailUnsuppress, Email: email})
}

// suppressed returns an address in its one spelling, and its entry in the list.
func (m *mails) suppressed(r *userRequest) (string, *Suppression, error) {
	email, err := user.NormalizeAddress(r.Email, m.PublicAddresses)
	if err != nil {
		return "", nil, badFields(badAddress(err))
	}
	s, err := m.suppression(email)
	if err == nil && s == nil {
		err = newProblem(suppressionNotFound, "")
	}
	return email, s, err
}
