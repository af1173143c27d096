// Package e2e tests Countersign as its users meet it: the built binary, its
// HTTP, its topics and the mails that arrive. It knows nothing of the insides;
// what it imports of ours is the wire contract, with what its commands and
// secrets are made of, and the list of settings.
//
// The same tests run on two brokers:
//
//	make test         one process with the embedded broker, mails to an SMTP server in the test
//	make test-kafka   KAFKA_BROKER_LIST is set: two processes of each role, mails to aiosmtpd
//
// The pages are tested in a real browser, from browser/ (make test-browser).
//
//	doc.go             this
//	main_test.go       builds the binary
//	process_test.go    one process: start, ready, stop, kill -9, its log
//	system_test.go     the processes that make a whole Countersign
//	person_test.go     a person: registers, reads the mail, verifies
//	mailbox_test.go    the mail servers, and what they took in
//	kafka_test.go      records as any other client of the broker sees them
//	classes_test.go    addresses of which something is known
//	oracle/            whether times tell one class from another
package e2e
