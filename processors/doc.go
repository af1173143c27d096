// Package processors holds the goka groups. Each is a graph and its
// callbacks, which translate between goka and a pure function: users.go calls
// user.Step, mailer.go calls the rules of mail.Outbox. They decide nothing
// themselves, and know nothing of HTTP.
//
//	user_commands ─► users ─┬► user-service-table
//	                        └► user_account_created, user_code_requested,
//	                           user_account_verified, user_registration_repeated,
//	                           user_account_deleted ─► mailer ─┬► notification-service-table
//	                                mail_deliveries ─► mailer ─┴► mail_deliveries
//
// A record that cannot be read or handled goes to dead_letters (handle.go), and
// the next one is handled: nothing that stands in a topic stops a processor.
// What was wrong with it mended, it is given back (retry.go).
package processors
