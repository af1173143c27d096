package user

import "time"

// Rules:
//   - every limit is a setting with bounds, and an absent one is its default;
//   - the bounds hold for whoever sends commands: Step clamps to them.

// Policy holds the limits that are settings.
type Policy struct {
	CodeTTLSeconds      int `json:"code_ttl_seconds"`      // Defaults to 600, which is also the most (NIST SP 800-63B-4 §3.1.3); at least 120.
	Tries               int `json:"tries"`                 // Wrong guesses a verification. Defaults to 5, at most 10.
	MailIntervalSeconds int `json:"mail_interval_seconds"` // Between two mails to an address. Defaults to 60, at most 3600.
	MailsPerHour        int `json:"mails_per_hour"`        // To one address. Defaults to 5, at most 20.
	MailsPerDay         int `json:"mails_per_day"`         // To one address. Defaults to 10, at most 50.
	MailsPerClient      int `json:"mails_per_client"`      // Of an address's daily mails, by one client. Defaults to 3, at most 50.
	FailuresBeforeLock  int `json:"failures_before_lock"`  // Wrong guesses in a row an account. Defaults to 100, which is also the most (NIST SP 800-63B-4 §3.2.2); at least 10.
	UnverifiedHours     int `json:"unverified_hours"`      // Until an account that nobody proves is removed. Defaults to 24, at most 168.
}

// DefaultPolicy is what the package's rules say when nothing is set.
func DefaultPolicy() Policy {
	return Policy{
		CodeTTLSeconds: 600, Tries: 5, MailIntervalSeconds: 60, MailsPerHour: 5, MailsPerDay: 10, MailsPerClient: 3,
		FailuresBeforeLock: 100, UnverifiedHours: 24,
	}
}

// MinPolicy holds the lower bounds. A code that lives for less than two
// minutes would often be too old when its mail could leave.
func MinPolicy() Policy {
	return Policy{
		CodeTTLSeconds: 120, Tries: 1, MailIntervalSeconds: 1, MailsPerHour: 1, MailsPerDay: 1, MailsPerClient: 1,
		FailuresBeforeLock: 10, UnverifiedHours: 1,
	}
}

// MaxPolicy holds the upper bounds.
func MaxPolicy() Policy {
	return Policy{
		CodeTTLSeconds: 600, Tries: 10, MailIntervalSeconds: 3600, MailsPerHour: 20, MailsPerDay: 50, MailsPerClient: 50,
		FailuresBeforeLock: 100, UnverifiedHours: 7 * 24,
	}
}

// clamped puts every limit between its bounds; an absent one gets its default.
func (p Policy) clamped() Policy {
	low, def, top := MinPolicy(), DefaultPolicy(), MaxPolicy()
	lows, defs, tops := low.limits(), def.limits(), top.limits()
	for i, limit := range p.limits() {
		if *limit <= 0 {
			*limit = *defs[i]
		}
		*limit = min(max(*limit, *lows[i]), *tops[i])
	}
	return p
}

func (p *Policy) limits() []*int {
	return []*int{
		&p.CodeTTLSeconds, &p.Tries, &p.MailIntervalSeconds, &p.MailsPerHour, &p.MailsPerDay, &p.MailsPerClient,
		&p.FailuresBeforeLock, &p.UnverifiedHours,
	}
}

func (p Policy) codeTTL() time.Duration { return time.Duration(p.CodeTTLSeconds) * time.Second }

func (p Policy) mailInterval() time.Duration {
	return time.Duration(p.MailIntervalSeconds) * time.Second
}

func (p Policy) unverifiedLife() time.Duration { return time.Duration(p.UnverifiedHours) * time.Hour }
