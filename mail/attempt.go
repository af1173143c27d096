// Rules of an attempt:
//   - its result is reported whatever becomes of the partition meanwhile; only the end of StopTimeout stops that;
//   - a relay that is ill, or takes no mail from us as we are set up, is no result: the mail waits, and counts no attempt;
//   - an attempt that was called off before the mail can have been accepted is none.

package mail

import (
	"slices"
	"time"

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
	probe  bool
	recall recall
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
	j := &job{entry: e, mail: e.mail, expired: expired}
	if expired {
		s.agenda.drop(e)
	} else {
		j.lane = s.agenda.begin(e)
		j.probe = s.relay.begin(now)
		s.pace.begin(now)
		s.conversing++
	}
	s.underWay[j] = struct{}{}
	e.of.underWay++
	return j
}

// handle works on one job until the relay has answered; a result is reported while the worker goes on.
func (s *Sender) handle(c *courier, j *job) {
	d, next := s.attempt(c, j)
	if next == reported {
		s.tell(d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.lane != nil {
		s.agenda.end(j.lane)
		s.conversing--
	}
	if j.probe {
		s.relay.end()
	}
	if next == reported {
		s.hand(result{j, d})
	} else {
		s.end(j, next)
	}
	s.wake()
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
	out := c.deliver(&j.recall, message, m.Deadline())
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
// that greets and hangs up is as ill as it was. A job that was called off says nothing of that.
func (s *Sender) heed(j *job, out outcome) {
	switch {
	case j.recall.isOff():
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

// fallIll tells the breaker that the relay is ill, and whether that is news.
func (s *Sender) fallIll(j *job, out outcome) (news bool) {
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

// end puts an entry where it belongs after a job; s.mu is held.
func (s *Sender) end(j *job, next phase) {
	e := j.entry
	delete(s.underWay, j)
	e.of.underWay--
	revoked := e.of.idle != nil
	if revoked && e.of.underWay == 0 {
		close(e.of.idle)
	}
	if s.stopped && len(s.underWay) == 0 {
		close(s.idle)
	}
	if e.gone {
		if !revoked {
			e.of.set(e.address, slices.DeleteFunc(e.of.rows[e.address], func(other *entry) bool { return other == e }))
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
