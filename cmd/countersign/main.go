// Command countersign confirms who owns an e-mail address.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"countersign/app"
)

type cli struct {
	Run         runCmd         `cmd:"" help:"Everything in one process, with an embedded broker and inbox unless KAFKA_BROKER_LIST and SMTP_URL are set."`
	Serve       serveCmd       `cmd:"" help:"A single role, as often as wanted."`
	Users       usersCmd       `cmd:"" help:"Accounts: what is known of one, list, watch, what happened, erase."`
	Mail        mailCmd        `cmd:"" help:"Mails: what became of them, retry, cancel, send to an address again that refused, and preview."`
	DeadLetters deadLettersCmd `cmd:"" help:"Records that could not be read or handled."`
	Instances   instancesCmd   `cmd:"" help:"Show who runs, and what each owns."`
	Health      healthCmd      `cmd:"" help:"Exit with 0 if the instance at INTERNAL_ADDR is ready."`
	Topics      topicsCmd      `cmd:"" help:"Compare the topics of KAFKA_BROKER_LIST with what they must be."`
	Secret      secretCmd      `cmd:"" help:"Print a new value for COUNTERSIGN_SECRETS."`

	app.Settings `embed:"" group:"Settings:"`
}

type runCmd struct{}

// Run starts every role.
func (runCmd) Run(ctx context.Context, s app.Settings) error {
	return app.Run(ctx, s, app.Roles{API: true, Users: true, Notifier: true}, os.Stdout)
}

type serveCmd struct {
	API      apiCmd      `cmd:"" name:"api" help:"HTTP: register, verify, and questions to the user service."`
	Users    usersRole   `cmd:"" help:"The user service's stream processor."`
	Notifier notifierCmd `cmd:"" help:"The notification service: the stream processor that mails."`
}

type apiCmd struct{}

// Run starts the api role.
func (apiCmd) Run(ctx context.Context, s app.Settings) error {
	return app.Run(ctx, s, app.Roles{API: true}, os.Stdout)
}

type usersRole struct{}

// Run starts the users role.
func (usersRole) Run(ctx context.Context, s app.Settings) error {
	return app.Run(ctx, s, app.Roles{Users: true}, os.Stdout)
}

type notifierCmd struct{}

// Run starts the notifier role.
func (notifierCmd) Run(ctx context.Context, s app.Settings) error {
	return app.Run(ctx, s, app.Roles{Notifier: true}, os.Stdout)
}

type usersCmd struct {
	Get     usersGetCmd     `cmd:"" help:"The state of an address, from the api role at INTERNAL_ADDR."`
	List    usersListCmd    `cmd:"" help:"Accounts in the order of their addresses."`
	Watch   usersWatchCmd   `cmd:"" help:"Accounts as they change, until Ctrl-C."`
	History usersHistoryCmd `cmd:"" help:"What happened to an account: commands, events, mails and dead letters, from the topics."`
	Erase   usersEraseCmd   `cmd:"" help:"Erase an address: what is personal goes, and nothing from before brings it back."`
}

type usersGetCmd struct {
	Email string `arg:"" help:"The address."`
}

// Run asks for the state of an address.
func (c usersGetCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ShowUser(ctx, s, c.Email, os.Stdout)
}

// output is how something is printed.
type output struct {
	Output string `enum:"table,json" default:"table" help:"table for people, json for programs: an object a line."`
}

func (o output) json() bool { return o.Output == "json" }

// extent is how many rows a list has.
type extent struct {
	Limit int  `default:"100" help:"At most so many."`
	All   bool `help:"All of them."`
}

// Validate refuses what lists nothing.
func (e extent) Validate() error {
	if e.Limit < 1 {
		return errors.New("--limit must be at least 1")
	}
	return nil
}

// rows is the limit, 0 without one.
func (e extent) rows() int {
	if e.All {
		return 0
	}
	return e.Limit
}

type usersListCmd struct {
	app.UserFilter
	extent
	output
}

// Run lists accounts.
func (c usersListCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ListUsers(ctx, s, c.UserFilter, c.rows(), c.json(), os.Stdout)
}

type usersWatchCmd struct{ output }

// Run watches accounts.
func (c usersWatchCmd) Run(ctx context.Context, s app.Settings) error {
	return app.WatchUsers(ctx, s, c.json(), os.Stdout)
}

type usersHistoryCmd struct {
	Email string `arg:"" help:"The address."`
	Since string `default:"7d" help:"A time (RFC 3339), or how long ago, like 90m, 12h or 7d."`
	output
}

// Run shows what happened to an account, in colours on a terminal unless NO_COLOR is set.
func (c usersHistoryCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ShowHistory(ctx, s, c.Email, app.History{Since: c.Since, JSON: c.json(), Colours: colours()}, os.Stdout)
}

// colours says whether what is printed may have some.
func colours() bool {
	out, err := os.Stdout.Stat()
	terminal := err == nil && out.Mode()&os.ModeCharDevice != 0
	return terminal && os.Getenv("NO_COLOR") == ""
}

type usersEraseCmd struct {
	Email string `arg:"" help:"The address."`
}

// Run has an address erased.
func (c usersEraseCmd) Run(ctx context.Context, s app.Settings) error {
	return app.EraseUser(ctx, s, c.Email, os.Stdout)
}

type mailCmd struct {
	List       mailListCmd       `cmd:"" help:"The newest first, from the api role at INTERNAL_ADDR."`
	Show       mailShowCmd       `cmd:"" help:"All that is known of one, and what happened to it."`
	Retry      mailRetryCmd      `cmd:"" help:"Send one after all that was given up. The exit code is 2 if nothing is known of it after 10 s."`
	Cancel     mailCancelCmd     `cmd:"" help:"Call off one that waits. The exit code is 2 if nothing is known of it after 10 s."`
	Unsuppress mailUnsuppressCmd `cmd:"" help:"Have mails sent again to an address that refused one for good."`
	Preview    mailPreviewCmd    `cmd:"" help:"Show what a mail says and looks like, by the settings and templates here."`
}

type mailListCmd struct {
	app.MailFilter
	extent
	output
}

// Run lists mails.
func (c mailListCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ListMails(ctx, s, c.MailFilter, c.rows(), c.json(), os.Stdout)
}

// mailID names a mail.
type mailID struct {
	ID string `arg:"" help:"As the list shows it."`
}

type mailShowCmd struct {
	mailID
	output
}

// Run shows a mail.
func (c mailShowCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ShowMail(ctx, s, c.ID, c.json(), colours(), os.Stdout)
}

type mailRetryCmd struct{ mailID }

// Run retries a mail.
func (c mailRetryCmd) Run(ctx context.Context, s app.Settings) error {
	return app.RetryMail(ctx, s, c.ID, os.Stdout)
}

type mailCancelCmd struct{ mailID }

// Run calls off a mail.
func (c mailCancelCmd) Run(ctx context.Context, s app.Settings) error {
	return app.CancelMail(ctx, s, c.ID, os.Stdout)
}

type mailUnsuppressCmd struct {
	Email string `arg:"" help:"The address."`
}

// Run takes an address off the list of suppressions.
func (c mailUnsuppressCmd) Run(ctx context.Context, s app.Settings) error {
	return app.Unsuppress(ctx, s, c.Email, os.Stdout)
}

type mailPreviewCmd struct{ app.MailPreview }

// Run shows a mail that nobody is sent.
func (c mailPreviewCmd) Run(s app.Settings) error {
	return app.PreviewMail(s, c.MailPreview, os.Stdout)
}

type instancesCmd struct {
	JSON bool `name:"json" help:"Print all that is known, as GET /topology answers it."`
}

// Run asks the api role at INTERNAL_ADDR.
func (c instancesCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ShowInstances(ctx, s, c.JSON, os.Stdout)
}

type deadLettersCmd struct {
	List  lettersListCmd  `cmd:"" help:"The latest first, from the api role at INTERNAL_ADDR."`
	Show  lettersShowCmd  `cmd:"" help:"All of one: key, value, reason, stack."`
	Retry lettersRetryCmd `cmd:"" help:"Give records back to their topics, each once."`
}

type lettersListCmd struct {
	app.DeadLetterFilter
	Limit int `default:"100" help:"At most so many, up to 1000."`
}

// Run lists dead letters.
func (c lettersListCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ListDeadLetters(ctx, s, c.DeadLetterFilter, c.Limit, os.Stdout)
}

type lettersShowCmd struct {
	ID string `arg:"" help:"As the list shows it."`
}

// Run shows a dead letter.
func (c lettersShowCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ShowDeadLetter(ctx, s, c.ID, os.Stdout)
}

type lettersRetryCmd struct {
	ID  string `arg:"" optional:"" help:"As the list shows it."`
	All bool   `help:"Every one that can be, the oldest first."`
	app.DeadLetterFilter
}

// Validate refuses what would not be clear.
func (c lettersRetryCmd) Validate() error {
	if (c.ID == "") != c.All || c.ID != "" && c.DeadLetterFilter != (app.DeadLetterFilter{}) {
		return errors.New("give an ID, or --all with --topic and --reason where only some are meant")
	}
	return nil
}

// Run retries one dead letter, or all.
func (c lettersRetryCmd) Run(ctx context.Context, s app.Settings) error {
	if c.All {
		return app.RetryDeadLetters(ctx, s, c.DeadLetterFilter, os.Stdout)
	}
	return app.RetryDeadLetter(ctx, s, c.ID, os.Stdout)
}

type healthCmd struct{}

// Run asks whether an instance is ready.
func (healthCmd) Run(ctx context.Context, s app.Settings) error { return app.Healthy(ctx, s) }

type topicsCmd struct {
	Plan  topicsPlanCmd  `cmd:"" help:"Print what is missing or differs, and change nothing. The exit code is 2 if there is something."`
	Apply topicsApplyCmd `cmd:"" help:"Make what is missing, change what differs, and say what cannot be changed."`
}

type topicsPlanCmd struct{}

// Run prints what differs.
func (topicsPlanCmd) Run(ctx context.Context, s app.Settings) error {
	return app.PlanTopics(ctx, s, os.Stdout)
}

type topicsApplyCmd struct{}

// Run changes what differs.
func (topicsApplyCmd) Run(ctx context.Context, s app.Settings) error {
	return app.ApplyTopics(ctx, s, os.Stdout)
}

type secretCmd struct{}

// Run prints a secret.
func (secretCmd) Run() error {
	_, err := fmt.Println(app.NewSecret())
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app.LoadEnvironment(); err != nil {
		fmt.Fprintln(os.Stderr, "countersign: error:", err)
		os.Exit(1)
	}
	var c cli
	command := kong.Parse(&c, kong.Name("countersign"),
		kong.Description("Confirms that a person owns an e-mail address."),
		kong.BindTo(ctx, (*context.Context)(nil)))
	command.FatalIfErrorf(command.Run(c.Settings))
}
