package views

import (
	"context"
	"fmt"

	"github.com/lovoo/goka"

	"countersign/stream"
	"countersign/topics"
)

// Rules:
//   - only the notification service puts an address on the list, or takes it off.

// Suppressions is the view of the addresses that are not mailed any more.
type Suppressions struct{ view *stream.View }

// NewSuppressions returns the view; Run fills it.
func NewSuppressions(cluster *stream.Cluster) (*Suppressions, error) {
	view, err := cluster.NewView(stream.ViewConfig{
		Topic: topics.MailSuppressions, Codec: topics.Codec[topics.MailSuppression]{}, Update: genuine(goka.DefaultUpdate),
	})
	if err != nil {
		return nil, fmt.Errorf("view of %s: %w", topics.MailSuppressions, err)
	}
	return &Suppressions{view}, nil
}

// Run follows the topic until ctx ends.
func (s *Suppressions) Run(ctx context.Context) error { return s.view.Run(ctx) }

// Health says whether the view has read its topic, and how far it is behind.
func (s *Suppressions) Health() stream.Health { return s.view.Health() }

// Recovered is closed when the view has read its topic for the first time.
func (s *Suppressions) Recovered() <-chan struct{} { return s.view.Recovered() }

// Of returns what is known of a normalised address, and whether it is on the list.
func (s *Suppressions) Of(email string) (topics.MailSuppression, bool, error) {
	stored, err := s.view.Get(topics.SuppressionKey(email))
	if err != nil {
		return topics.MailSuppression{}, false, fmt.Errorf("read %s: %w", topics.MailSuppressions, err)
	}
	row, ok := stored.(*topics.Message[topics.MailSuppression])
	if !ok {
		return topics.MailSuppression{}, false, nil
	}
	return row.Value, true, row.Err
}
