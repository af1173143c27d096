package app

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/text/language"

	"countersign/mail"
)

// Rules of a preview: it needs no service and no broker, only the settings of mails, and sends nothing; it says in which
// language the letter is, for the nearest to a locale may be another.

// MailPreview says which letter is shown, and how.
type MailPreview struct {
	// Kind names it; an unknown one is an error that names those there are.
	Kind     string `arg:"" help:"verify_account, account_verified or already_registered."`
	Locale   string `default:"en" help:"The reader's language, like pt-BR."`
	LinkOnly bool   `help:"Without a code, as for an account whose digits are locked."`
	HTML     bool   `name:"html" xor:"how" help:"Print the HTML, not subject and text."`
	Open     bool   `xor:"how" help:"Write the HTML to a temporary file and open that in a browser."`
}

// PreviewMail shows the sample of a letter.
func PreviewMail(s Settings, p MailPreview, out io.Writer) error {
	if _, err := language.Parse(p.Locale); err != nil {
		return fmt.Errorf("--locale %q: must be a language's tag (BCP 47), like pt-BR: %w", p.Locale, err)
	}
	s.MailFrom = cmp.Or(s.MailFrom, exampleSender)
	composer, err := s.newComposer()
	if err != nil {
		return err
	}
	letter, err := composer.Preview(mail.Kind(p.Kind), p.Locale, p.LinkOnly)
	if err != nil {
		return err
	}
	switch {
	case p.HTML:
		_, err = io.WriteString(out, letter.HTML)
	case p.Open:
		err = browse(fmt.Sprintf("countersign-%s-%s-*.html", p.Kind, letter.Language), letter.HTML, out)
	default:
		_, err = fmt.Fprintf(out, "Subject: %s\nContent-Language: %s\n\n%s", letter.Subject, letter.Language, letter.Text)
	}
	return err
}

// browse writes a page to a temporary file, which stays, says its name and opens it.
func browse(pattern, page string, out io.Writer) error {
	file, err := os.CreateTemp("", pattern)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, page)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	fmt.Fprintln(out, file.Name())
	opener := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if opener == nil {
		opener = []string{"xdg-open"}
	}
	if err := exec.Command(opener[0], append(opener[1:], file.Name())...).Run(); err != nil {
		fmt.Fprintln(out, "no browser could be started: open the file yourself")
	}
	return nil
}
