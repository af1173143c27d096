// Rules of an attempt:
//   - its result is reported whatever becomes of the partition meanwhile; only the end of RevokeTimeout or
//     StopTimeout stops that;
//   - a relay that is ill, or takes no mail from us as we are set up, is no result: the mail waits, and counts no attempt;
//   - an attempt that was called off before the mail can have been accepted is none.

package mail

import (
	"context"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sirupsen/logrus"
)

// job is an entry that a worker has taken.
type job struct {
	entry *entry
	// mail is the entry's when it was taken; the entry's own may change.
	mail    Mail
	expired bool
	// lane is that of the mail's domain; nil where nothing is sent.
	lane *lane
	// probe means that this mail finds out whether the relay is well again.
	probe bool
	// sending bounds the conversation, reporting that and the report.
	sending, reporting context.Context
	abort, abandon     context.CancelFunc
	done               chan struct{}
	// unmade is why no letter could be made, for phase held.
	unmade error
	// sent means that the relay took the mail.
	sent bool
}

// take claims what is next for a worker; nil if there is nothing.
func (s *Sender) take() *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e, expired, _ := s.next(now)
	if s.stopped || e == nil {
		return nil
	}
	delete(s.held, e)
	e.phase = underWay
	j := &job{entry: e, mail: e.mail, expired: expired, done: make(chan struct{})}
	if expired {
		s.agenda.drop(e)
	} else {
		j.lane = s.agenda.begin(e)
		j.probe = s.relay.begin(now)
		s.pace.begin(now)
	}
	j.sending, j.abort = context.WithCancel(context.Background())
	var end context.CancelFunc
	j.reporting, end = context.WithCancel(context.Background()) // none below the other: that would cost more than both
	j.abandon = func() { j.abort(); end() }
	s.underWay[j] = struct{}{}
	return j
}

// handle works on one job until the relay has answered; a result is reported meanwhile the worker goes on.
func (s *Sender) handle(c *courier, j *job) {
	d, next := s.attempt(c, j)
	s.hangUp(j)
	if next != reported {
		s.end(j, next)
		return
	}
	select {
	case s.results <- result{j, d}: // to a goroutine that reported before: its stack has grown already
	default:
		s.reports.Go(func() { s.reportFrom(result{j, d}) })
	}
}

// result is what a job has to report.
type result struct {
	job      *job
	delivery Delivery
}

// reportFrom reports a result, and those that are handed over after it.
func (s *Sender) reportFrom(r result) {
	for open := true; open; r, open = <-s.results {
		s.report(r.job.reporting, r.delivery)
		s.end(r.job, reported)
	}
}

// attempt makes one, and says what phase follows: reported with a result, else there is none.
func (s *Sender) attempt(c *courier, j *job) (d Delivery, next phase) {
	m := j.mail
	if j.expired {
		m.State = Expired
		return m.delivery(BySender, time.Now()), reported
	}
	m.Attempts++
	m.NotBefore = time.Time{}
	letter, err := s.cfg.Letters(m)
	if err != nil {
		j.unmade = err
		s.cfg.Log.WithError(err).WithField("mail_id", m.ID).Error("mail held: its letter cannot be made")
		return Delivery{}, held
	}
	message, err := s.cfg.Composer.Compose(&c.letter, m, letter, time.Now())
	if err != nil {
		m.State, m.Stage, m.Reply = Failed, StageCompose, tidy(err.Error(), nil)
		return m.delivery(BySender, time.Now()), reported
	}
	out := c.deliver(j.sending, message)
	s.metrics.attempts.WithLabelValues(string(out.stage), out.verdict.String()).Inc()
	s.heed(j, out)
	switch out.verdict {
	case accepted:
		m.State, j.sent = Sent, true
		s.metrics.seconds.WithLabelValues(string(m.Kind)).Observe(time.Since(m.OccurredAt).Seconds())
	case refused:
		m.State = Failed
	case later:
		m.State = Retrying
	case unanswered:
		m.State = Uncertain
	default:
		return Delivery{}, planned
	}
	m.Stage, m.Reply = out.stage, out.reply
	d = m.delivery(BySender, time.Now())
	d.MessageID = message.ID
	return d, reported
}

// heed learns from an outcome how the relay is, and says so where that is news. That it is well, only its answer says: one
// that greets and hangs up is as ill as it was.
func (s *Sender) heed(j *job, out outcome) {
	switch {
	case out.verdict == ill, out.verdict == misconfigured, j.probe && !out.answered:
		if !s.fallIll(j, out) {
			return
		}
		log := s.cfg.Log.WithFields(logrus.Fields{"stage": out.stage, "reply": out.reply})
		if out.verdict == misconfigured {
			log.Error("the mail relay refuses us, mails wait: check SMTP_URL and MAIL_FROM")
		} else {
			log.Warn("the mail relay is ill, mails wait")
		}
	case out.answered:
		s.mu.Lock()
		news := s.relay.well()
		s.mu.Unlock()
		if news {
			s.cfg.Log.Info("the mail relay is well again")
		}
	}
}

// fallIll tells the breaker that the relay is ill, and whether that is news. A job that was called off says nothing.
func (s *Sender) fallIll(j *job, out outcome) (news bool) {
	if j.sending.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	again := j.entry.deferrals > 0
	if out.answered && out.stage != StageConnect {
		// Perhaps it is this mail that the relay cannot bear: let others go first.
		j.entry.putOff(now, longestRest*s.cfg.RelayRest)
	}
	return s.relay.ill(now, out.reply, j.probe, again)
}

// report hands a result over, again and again until it is acknowledged or ctx ends.
func (s *Sender) report(ctx context.Context, d Delivery) {
	s.tell(d)
	s.metrics.results.WithLabelValues(string(d.Kind), string(d.State)).Inc()
	err := s.cfg.Report(ctx, d)
	if err == nil {
		return
	}
	log := s.logOf(d)
	pace := backoff.NewExponentialBackOff()
	pace.InitialInterval, pace.MaxInterval = 100*time.Millisecond, 2*time.Second
	for err != nil {
		log.WithError(err).Warn("result of a mail not written, trying again")
		select {
		case <-time.After(pace.NextBackOff()):
			err = s.cfg.Report(ctx, d)
		case <-ctx.Done():
			log.WithError(err).Error("result of a mail not written: its next owner may send it once more")
			return
		}
	}
}

// tell logs a result.
func (s *Sender) tell(d Delivery) {
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

// hangUp gives back what a conversation takes up.
func (s *Sender) hangUp(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wake()
	if j.lane != nil {
		s.agenda.end(j.lane)
	}
	if j.probe {
		s.relay.end()
	}
}

// end puts an entry where it belongs after a job.
func (s *Sender) end(j *job, next phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(j.done)
	defer s.wake()
	defer j.abandon()
	delete(s.underWay, j)
	e := j.entry
	if e.gone {
		if of, ours := s.rows[e.partition]; ours {
			s.set(e.partition, e.address, slices.DeleteFunc(of[e.address], func(other *entry) bool { return other == e }))
		}
		return
	}
	e.phase = next
	switch next {
	case planned:
		s.agenda.plan(e)
	case held:
		s.held[e] = j.unmade
		s.agenda.plan(e)
	case reported:
		e.attempt = j.mail.Attempts + 1
		quicker := e.mail.Attempts >= e.attempt // The row was, than the acknowledgement.
		askedAgain := e.mail.Retries > j.mail.Retries && !j.sent
		if quicker || askedAgain {
			s.plan(e)
		}
	}
}
