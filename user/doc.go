// Package user holds the rules of an account and its verifications: what a
// command does to the state of one address, and which events follow from it.
//
//	command ─┐
//	         ├─► Step ─► state, events, outcome
//	state  ──┘
//
// It is pure: no clock, no randomness, no I/O. Time, nonces and secrets are
// passed in, so a table of users is a fold of its commands and can be audited
// as one. It knows nothing of Kafka, HTTP or mail.
//
// The rules, one a file:
//
//	address.go     one address has one spelling
//	name.go        a name carries no stranger's text
//	code.go        six digits, made from a secret and never stored
//	handle.go      a verification's public id is sealed
//	client.go      who asks is a keyed hash
//	reference.go   three characters that page and mail share
//	expiry.go      a code lives ten minutes
//	tries.go       five wrong guesses a verification
//	failures.go    a hundred in a row an account, then a lock that doubles
//	mail_slots.go  one mail a minute, five an hour, ten a day, three by one client
//	policy.go      limits are settings with bounds
//	outcomes.go    the same command id gives the same answer
//	register.go    each registration opens a verification of its own
//	verify.go      only the own code counts, and only once
//	resend.go      asking again keeps code, expiry and failures
//	dispute.go     "I did not ask for this" closes, and stops mail for a day
//	erase.go       what is erased stays gone
//	sweep.go       what has been kept long enough goes
//
// Sources: NIST SP 800-63B-4 §3.1.3 and §3.2.2, OWASP ASVS 5.0 §6.
package user
