// Package views reads the tables of the groups: users.go the accounts
// (watch.go: as they change), mails.go what became of their mails;
// dead_letters.go what was put aside, and instances.go who runs. history.go
// reads what happened to one account, from the topics. A view follows committed records only and answers from
// its local store. It changes nothing, and knows nothing of HTTP or of the rules.
package views
