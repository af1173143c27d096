// Package api is Countersign over HTTP: it turns requests into commands, waits
// for what came of a guess, and shows what is known of an account.
//
//	request ─► body ─► call ─► user.Command ─► Commands
//	                    │
//	                    └──◄── Users, Mails (views)
//
// It decides nothing about a verification, that is user.Step's, and it must not
// know of Kafka, of goka or of how mail leaves: it declares the interfaces it
// needs, and whoever puts the parts together fills them.
//
// The files:
//
//	api.go          the public listener: what it is made of, its routes
//	internal.go     the internal listener: users, dead letters, topology, health, metrics
//	register.go     POST /api/register
//	verify.go       POST /api/verify
//	resend.go       POST /api/resend
//	dispute.go      POST /api/dispute
//	status.go       GET /api/verifications/{verification_id}
//	users.go        GET /users/{email}
//	list.go         GET /users
//	history.go      GET /users/{email}/history
//	watch.go        GET /stream
//	erase.go        DELETE /users/{email}
//	dead_letters.go GET and POST /dead-letters
//	topology.go     GET /topology
//	behalf.go       the same for a team's own backend, inside
//	client.go       who asks, also behind proxies
//	limits.go       what one client may ask, and how much at the same time
//	mail_limits.go  what may be mailed to a mailbox and to a domain
//	cross_origin.go pages of other sites
//	names.go        what logs call an address
//	command.go      a request repeated with its key is one command
//	body.go         what a body may look like
//	operation.go    a call as an operation of the API's description
//	problem.go      every problem, its code and its status
//	description.go  what is said of the calls: codes, headers, formats, links
//	docs.go         the description, for programs and for people
//	pages.go        the pages for people, with or without JavaScript
//	steps.go        which page follows which form
//	pace.go         answers that tell nothing take as long
//	language.go     what a browser prefers to read
//	headers.go      what every response says to browsers
//	access.go       access log, metrics, and what a panic becomes
//	guard.go        who may speak to the internal listener
//	ready.go        live and ready
//	serve.go        timeouts, and a stop that lets requests end
package api
