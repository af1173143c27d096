package user_test

import (
	"fmt"
	"slices"
	"time"

	"countersign/user"
)

// The rules once more, written apart from Step and kept otherwise: a diary of one address from which nothing is crossed
// out. Where Step counts and forgets, each rule here is a question to the diary. What it holds of a code is its text.
//
// The limits are the same for the whole diary, as they are between two deployments.

// ask is what somebody asks for.
type ask struct {
	kind         user.CommandType
	id           string // of the command
	verification string
	says         letter // register and resend: what a new mail would say
	guess, token string // verify has one, dispute a token
	client       string
	withheld     bool      // the api's own limits leave no mail
	at           time.Time // by the broker's clock
	first        time.Time // of the first copy, if this is another
}

// letter is what the mails for one nonce hold.
type letter struct{ code, link, dispute string }

// reply is what the asker learns, and what others are told.
type reply struct {
	result   user.Result
	left     int            // tries
	told     user.EventType // none: nobody is
	linkOnly bool           // the mail has no code
	noMail   bool           // not even that the address is proven
}

type entry struct {
	id    string
	reply reply
	at    time.Time
}

// registration is one way to be proven.
type registration struct {
	id              string
	opened, expires time.Time
	slot            bool
	letter          letter // of the last mail; the zero one: none can match
	disputes        []string
	wrong           int
	over            bool // proven, closed or disputed
	proven          bool
	dropped         bool // beyond the 32 without a slot
	entries         []entry
}

type slot struct {
	at     time.Time
	client string
}

type model struct {
	policy        user.Policy // within its bounds
	now           time.Time   // of the last change
	account       user.Status
	created       time.Time
	registrations []*registration // since the last erasure
	elsewhere     []entry         // about none of them
	slots         []slot
	failed        []time.Time // wrong guesses that the account counts, since the last proof
	noticed       time.Time
	stopped       time.Time // until then no mail leaves
	erased        time.Time
}

// after says whether a moment is so long ago, which one that never was is.
func after(moment time.Time, d time.Duration, now time.Time) bool {
	return moment.IsZero() || !now.Before(moment.Add(d))
}

const oneDay = 24 * time.Hour

// answer says what an ask comes to.
func (m *model) answer(a ask) reply {
	if r, ok := m.recall(a); ok {
		return r // the same command again
	}
	if a.at.Before(m.erased) || !a.first.IsZero() && a.first.Before(m.erased) {
		return reply{result: user.Refused} // nothing from before an erasure comes back
	}
	now := a.at
	if now.Before(m.now) {
		now = m.now // time goes on, whatever a record says
	}
	if a.kind == user.Sweep {
		return m.sweep(now)
	}
	m.goOn(now)
	var r reply
	switch a.kind {
	case user.Register:
		r = m.register(a)
	case user.Resend:
		r = m.resend(a)
	case user.Verify:
		r = m.verify(a)
	case user.Dispute:
		r = m.dispute(a)
	case user.Erase:
		r = m.erase(user.Erased)
	}
	note := &m.elsewhere
	if v := m.find(a.verification, now); v != nil {
		note, r.left = &v.entries, max(0, m.policy.Tries-v.wrong)
	}
	*note = append(*note, entry{a.id, r, now})
	return r
}

// goOn has time pass up to a change.
func (m *model) goOn(now time.Time) {
	m.now = now
	if after(m.erased, user.ErasedKept, now) {
		m.erased = time.Time{}
	}
}

// recall returns the reply that a command had. Those that were told to others are known as long as their verification,
// of all other replies about it the last 16.
func (m *model) recall(a ask) (reply, bool) {
	if v := m.find(a.verification, m.now); v != nil {
		if r, ok := recall(v.entries, a.id); ok {
			return r, true
		}
	}
	return recall(slices.DeleteFunc(slices.Clone(m.elsewhere), m.forgotten(m.now)), a.id)
}

func recall(entries []entry, id string) (reply, bool) {
	later := 0
	for _, e := range slices.Backward(entries) {
		if e.id == id && (e.reply.told != "" || later < 16) {
			return e.reply, true
		}
		if e.reply.told == "" {
			later++
		}
	}
	return reply{}, false
}

// forgotten says of an entry about no verification whether a day is over since; what erased somebody is known as long as
// something from before may come.
func (m *model) forgotten(now time.Time) func(entry) bool {
	return func(e entry) bool {
		if e.reply.told != "" {
			return after(e.at, user.ErasedKept, now)
		}
		return after(e.at, oneDay, now)
	}
}

// find returns a verification that is not gone: it lives for a day, a proven one for ever.
func (m *model) find(id string, now time.Time) *registration {
	for _, v := range slices.Backward(m.registrations) {
		if v.id == id && m.lives(v, now) {
			return v
		}
	}
	return nil
}

func (m *model) lives(v *registration, now time.Time) bool {
	return !v.dropped && (v.proven || !after(v.opened, oneDay, now))
}

func (m *model) register(a ask) reply {
	if m.find(a.verification, m.now) != nil {
		return reply{result: user.Accepted}
	}
	if m.account == user.StatusDeleted {
		m.account = ""
	}
	v := &registration{id: a.verification, opened: m.now, expires: m.now.Add(m.ttl()), slot: m.takeSlot(a)}
	m.registrations = append(m.registrations, v)
	if v.slot {
		return m.mail(a, v)
	}
	without := 0
	for _, v := range slices.Backward(m.registrations) {
		if m.lives(v, m.now) && !v.slot {
			without++
			v.dropped = without > 32
		}
	}
	return reply{result: user.Accepted}
}

func (m *model) ttl() time.Duration { return time.Duration(m.policy.CodeTTLSeconds) * time.Second }

// takeSlot gives a mail its place, by the same arithmetic whatever is known of the address.
func (m *model) takeSlot(a ask) bool {
	within := func(d time.Duration, mine bool) (n int) {
		for _, s := range m.slots {
			if !after(s.at, d, m.now) && (!mine || s.client == a.client) {
				n++
			}
		}
		return n
	}
	if a.withheld ||
		within(time.Duration(m.policy.MailIntervalSeconds)*time.Second, false) > 0 ||
		within(time.Hour, false) >= m.policy.MailsPerHour ||
		within(oneDay, false) >= m.policy.MailsPerDay ||
		a.client != "" && within(oneDay, true) >= m.policy.MailsPerClient {
		return false
	}
	m.slots = append(m.slots, slot{m.now, a.client})
	return true
}

// mail is what goes out for a slot.
func (m *model) mail(a ask, v *registration) reply {
	r := reply{result: user.Accepted}
	verified := m.account == user.StatusVerified
	if m.now.Before(m.stopped) || verified && !after(m.noticed, oneDay, m.now) {
		return r // the slot is gone all the same
	}
	if v.letter == (letter{}) {
		v.letter = a.says
		v.disputes = append(v.disputes, a.says.dispute)
	}
	_, r.linkOnly = m.digits(m.now)
	switch m.account {
	case user.StatusVerified:
		m.noticed, r.told = m.now, user.RegistrationRepeated
		v.letter.code, v.letter.link = "", "" // the notice has nothing that could be proven
	case user.StatusPending:
		r.told = user.CodeRequested
	default:
		m.account, m.created, r.told = user.StatusPending, m.now, user.AccountCreated
	}
	return r
}

func (m *model) resend(a ask) reply {
	v := m.find(a.verification, m.now)
	if v == nil || v.over || v.wrong >= m.policy.Tries || !m.takeSlot(a) {
		return reply{result: user.Accepted}
	}
	v.slot = true
	if v.expires.Sub(m.now) < 3*time.Minute {
		v.expires, v.letter = m.now.Add(m.ttl()), letter{}
	}
	return m.mail(a, v)
}

func (m *model) verify(a ask) reply {
	v := m.find(a.verification, m.now)
	_, locked := m.digits(m.now)
	switch {
	case v == nil || v.over:
		return reply{result: user.CodeExpired}
	case a.token == "" && v.wrong >= m.policy.Tries:
		return reply{result: user.TooManyAttempts}
	case !m.now.Before(v.expires):
		return reply{result: user.CodeExpired}
	case a.token != "" && a.token == v.letter.link, a.guess != "" && a.guess == v.letter.code && !locked:
		for _, other := range m.registrations {
			other.over = true
		}
		v.proven = true
		m.account, m.failed = user.StatusVerified, nil
		return reply{result: user.Verified, told: user.AccountVerified, noMail: m.now.Before(m.stopped)}
	case a.token == "":
		v.wrong++
		if !locked {
			m.failed = append(m.failed, m.now)
		}
	}
	return reply{result: user.CodeInvalid}
}

// digits says how many failures the account has, and whether no code is taken: at each hundredth for a day, two, four, up to
// thirty. For each thirty days without one, one lock's worth is forgiven.
func (m *model) digits(now time.Time) (failures int, locked bool) {
	var last, until time.Time
	forgive := func(now time.Time) {
		failures = max(0, failures-int(now.Sub(last)/(30*oneDay))*m.policy.FailuresBeforeLock)
		last = now
	}
	for _, at := range m.failed {
		forgive(at)
		failures++
		if failures%m.policy.FailuresBeforeLock == 0 {
			days := min(1<<(failures/m.policy.FailuresBeforeLock-1), 30)
			until = at.Add(time.Duration(days) * oneDay)
		}
	}
	forgive(now)
	return failures, now.Before(until)
}

func (m *model) dispute(a ask) reply {
	if v := m.find(a.verification, m.now); v != nil && !after(v.opened, oneDay, m.now) && slices.Contains(v.disputes, a.token) {
		v.over = true
		m.stopped = m.now.Add(oneDay)
	}
	return reply{result: user.Accepted}
}

func (m *model) erase(as user.Result) reply {
	r := reply{result: as}
	if m.account == user.StatusPending || m.account == user.StatusVerified {
		r.told = user.AccountDeleted
	}
	m.account, m.registrations, m.elsewhere, m.erased = user.StatusDeleted, nil, nil, m.now
	return r
}

// sweep removes an account that nobody proved, and the row when nothing is left of it. What is forgotten anyway is no
// change; that something could be is one.
func (m *model) sweep(now time.Time) reply {
	unproven := m.account == user.StatusPending && m.living(now) == 0 && after(m.created, time.Duration(m.policy.UnverifiedHours)*time.Hour, now)
	was, is := m.left(m.now), m.left(now)
	switch {
	case unproven:
		m.goOn(now)
		return m.erase(user.Swept)
	case len(is) == 0:
		*m = model{policy: m.policy}
	case !slices.Equal(was, is):
		m.goOn(now)
	}
	return reply{result: user.Swept}
}

func (m *model) living(now time.Time) (n int) {
	for _, v := range m.registrations {
		if m.lives(v, now) {
			n++
		}
	}
	return n
}

// left names what must be kept of the address.
func (m *model) left(now time.Time) (names []string) {
	for name, n := range map[string]int{
		"registrations": m.living(now),
		"elsewhere":     len(slices.DeleteFunc(slices.Clone(m.elsewhere), m.forgotten(now))),
		"slots":         len(slices.DeleteFunc(slices.Clone(m.slots), func(s slot) bool { return after(s.at, oneDay, now) })),
	} {
		if n > 0 {
			names = append(names, fmt.Sprint(n, " ", name))
		}
	}
	failures, locked := m.digits(now)
	if failures > 0 {
		names = append(names, fmt.Sprint(failures, " failures"))
	}
	for name, is := range map[string]bool{
		"account": m.account == user.StatusPending || m.account == user.StatusVerified,
		"locked":  locked, "noticed": !after(m.noticed, oneDay, now), "stopped": now.Before(m.stopped),
		"erased": !after(m.erased, user.ErasedKept, now),
	} {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
