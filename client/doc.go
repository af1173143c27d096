// Package client is for Go services that let Countersign confirm an address:
//
//	c, err := client.New(client.Config{PublicURL: "https://verify.example.com"})
//	r, err := c.Register(ctx, client.Registration{Email: "ada@example.com", FirstName: "Ada"})
//	v, err := c.Verify(ctx, r.VerificationID, code)    // the evidence
//
// What is refused is an *Error, and errors.Is says what to do about it. What
// fails on the way is tried again with the same Idempotency-Key, so a call has
// its effect once.
//
// It speaks the API's words and imports nothing of Countersign's own, only
// github.com/cenkalti/backoff/v5. go get cannot fetch it: copy the folder as it
// is, or name a checkout by "replace countersign => ../countersign" in go.mod.
//
// The files:
//
//	client.go   New, and how a call is tried
//	calls.go    the calls, and what they ask and answer
//	mails.go    the calls of operators, about mails
//	errors.go   what is refused, and what failed
package client
