// Rules of reports:
//   - results leave together, all that have gathered since the last did: at once where few come, and a moment apart where many
//     do, because each way to Kafka costs as much as several results; but no connection waits for that moment to pass;
//   - what could not be written is written again with those that come, until it is: a result that is told twice changes nothing;
//   - only the end of StopTimeout ends that: the next owner may send once more what was not told.

package mail

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"
)

// Reports are that far apart at least, the second where something could not be written.
const (
	reportEvery = 10 * time.Millisecond
	reportAgain = 200 * time.Millisecond
)

// result is what a job has to report.
type result struct {
	job      *job
	delivery Delivery
}

// hand has a result reported; s.mu is held.
func (s *Sender) hand(r result) {
	s.results = append(s.results, r)
	s.ask()
	if len(s.results) == mostUnderWay*s.cfg.Pool/2 {
		nudge(s.enough)
	}
}

// ask has reports look for results.
func (s *Sender) ask() { nudge(s.toReport) }

// reports writes results until no more come. When ctx has ended, each is written once, and nobody waits for it.
func (s *Sender) reports(ctx context.Context) {
	failing := false
	for range s.toReport {
		s.mu.Lock()
		results, last := s.results, s.last
		s.results = nil
		s.mu.Unlock()
		pause, enough := time.After(reportEvery), s.enough
		ended := ctx.Err() != nil
		err := s.report(ctx, results, ended)
		if err != nil && !failing {
			s.cfg.Log.WithError(err).Warn("results of mails not written, trying again")
		}
		if failing = err != nil; failing {
			pause, enough = time.After(reportAgain), nil
		}
		if last && (!failing || ended) {
			return
		}
		select {
		case <-pause:
		case <-enough:
		case <-ctx.Done():
		}
	}
}

// report writes results once, and returns why some are not written. Those are handed in again, or given up.
func (s *Sender) report(ctx context.Context, results []result, giveUp bool) (failure error) {
	if len(results) == 0 {
		return nil
	}
	deliveries := make([]Delivery, len(results))
	for i, r := range results {
		deliveries[i] = r.delivery
	}
	failures := s.cfg.Report(ctx, deliveries)
	s.mu.Lock()
	for i, r := range results {
		if failures != nil && failures[i] != nil {
			failure = failures[i]
			if !giveUp {
				s.hand(r)
				continue
			}
		}
		s.end(r.job, reported)
	}
	s.mu.Unlock()
	s.wake()
	if giveUp && failure != nil {
		for i, err := range failures {
			if err != nil {
				s.logOf(results[i].delivery).WithError(err).Error("result of a mail not written: its next owner may send it once more")
			}
		}
	}
	return failure
}

// tell counts a result and logs it.
func (s *Sender) tell(d Delivery) {
	s.metrics.results.WithLabelValues(string(d.Kind), string(d.State)).Inc()
	switch d.State {
	case Sent:
		if s.verbose() {
			s.logOf(d).Debug("mail sent")
		}
	case Failed, Expired:
		s.logOf(d).Warn("mail given up")
	default:
		s.logOf(d).Info("mail not accepted yet")
	}
}

func (s *Sender) logOf(d Delivery) logrus.FieldLogger {
	return s.cfg.Log.WithFields(logrus.Fields{
		"mail_id": d.MailID, "kind": d.Kind, "state": d.State, "attempt": d.Attempt, "stage": d.Stage, "reply": d.Reply,
	})
}

// verbose says whether each mail is logged, which takes longer than anything else that is done after it was sent.
func (s *Sender) verbose() bool {
	switch log := s.cfg.Log.(type) {
	case *logrus.Logger:
		return log.IsLevelEnabled(logrus.DebugLevel)
	case *logrus.Entry:
		return log.Logger.IsLevelEnabled(logrus.DebugLevel)
	}
	return true
}
