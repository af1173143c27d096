package user_test

import (
	"testing"

	"countersign/user"
)

func TestPolicy_IsWhatTheRulesSay(t *testing.T) {
	if p := (user.Policy{
		CodeTTLSeconds: 600, Tries: 5, MailIntervalSeconds: 60, MailsPerHour: 5, MailsPerDay: 10, MailsPerClient: 3, FailuresBeforeLock: 100, UnverifiedHours: 24,
	}); user.DefaultPolicy() != p {
		t.Errorf("defaults %+v", user.DefaultPolicy())
	}
	if p := (user.Policy{
		CodeTTLSeconds: 120, Tries: 1, MailIntervalSeconds: 1, MailsPerHour: 1, MailsPerDay: 1, MailsPerClient: 1, FailuresBeforeLock: 10, UnverifiedHours: 1,
	}); user.MinPolicy() != p {
		t.Errorf("lower bounds %+v", user.MinPolicy())
	}
	if p := (user.Policy{
		CodeTTLSeconds: 600, Tries: 10, MailIntervalSeconds: 3600, MailsPerHour: 20, MailsPerDay: 50, MailsPerClient: 50, FailuresBeforeLock: 100, UnverifiedHours: 168,
	}); user.MaxPolicy() != p {
		t.Errorf("bounds %+v", user.MaxPolicy())
	}
}
