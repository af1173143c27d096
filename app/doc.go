// Package app puts the parts together for each role and runs them:
//
//	settings.go   what can be set, and what is wrong with it
//	run.go        the order in which parts start and stop
//	roles.go      which parts make the api, the users and the notifier role
//	presence.go   what this process tells the others of itself
//	embedded.go   the Kafka-protocol broker of an embedded run
//	inbox/        the SMTP inbox of an embedded run
//	state_dir.go  the lock, the instance's name and the embedded secret
//	welcome.go    what is printed once everything is ready
//	topics.go     what operators plan and apply
//	history.go    what the topics tell of an address, for the API
//	dead_letters.go  what was put aside, shown and given back
//	ask.go        what the command line asks a running instance: instances.go who runs, ask_dead_letters.go what was put aside,
//	              ask_users.go accounts, ask_history.go what happened to one
package app
