package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"countersign/locale"
)

// Rules:
//   - the pages are forms that work without JavaScript; the script sends the same forms and shows the same answers;
//   - a form is one of the API's calls, by the same function, and shows nothing that the API does not;
//   - every field at fault is described by a sentence of its own, and the first has the focus;
//   - a form gets its Idempotency-Key when it is rendered, so a double click is one request; where waiting helps it keeps it;
//   - a page is in the language that was chosen on it, else in that of ?locale=, else in what the browser prefers. The
//     forms carry it along, without a cookie, and registering takes it over for the mails.

// page is what index.html is filled with.
type page struct {
	Step      string // names the title, too
	Key       string // of the next request
	Typed     fields // what the forms are filled with again
	Shown     *verificationStatus
	Reference string
	ResendIn  int // seconds
	Resent    bool
	Problem   *Problem

	Language  *locale.Language
	Languages []*locale.Language
}

// The steps. Each has a title in the catalogue.
const (
	stepRegister = "register"
	stepCode     = "code"
	stepLink     = "link"
	stepDone     = "done"
	stepPaste    = "paste"
	stepDispute  = "dispute"
	stepDisputed = "disputed"
)

// fields are those that forms have: which of them, says the form.
type fields struct {
	Step           string `json:"step"` // the form's
	Locale         string `json:"locale"`
	Language       string `json:"language"` // chosen by the button that sent the form
	Email          string `json:"email"`
	FirstName      string `json:"first_name"`
	LastName       string `json:"last_name"`
	VerificationID string `json:"verification_id"`
	Code           string `json:"code"`
	Token          string `json:"token"`
	Link           string `json:"link"` // pasted
}

// Title is the id of the page's title.
func (p page) Title() string { return "title." + p.Step }

// Done says that there is nothing more to do.
func (p page) Done() bool { return p.Step == stepDone || p.Step == stepDisputed }

// told are the problems that have a text for people; whoever meets another one can do nothing about it.
var told = []string{
	emailInvalid, emailUnsupported, firstNameInvalid, lastNameInvalid, verificationIDInvalid, codeMalformed, tokenMalformed,
	codeInvalid, codeExpired, tooManyAttempts, rateLimited, unavailable, overloaded, outcomeUnknown,
}

// complaint is one sentence of what a page tells about its problem.
type complaint struct {
	Field string // at fault; empty for none
	Text  string
	First bool
}

// Complaints returns what to tell about the problem, if there is one: a sentence for each field at fault, else one.
func (p page) Complaints() (all []complaint, err error) {
	if p.Problem == nil {
		return nil, nil
	}
	faults := p.Problem.Errors
	if len(faults) == 0 {
		faults = []FieldError{{Code: p.Problem.Code}}
	}
	for i, fault := range faults {
		text, err := p.complain(fault.Code)
		if err != nil {
			return nil, err
		}
		all = append(all, complaint{Field: fault.Field, Text: text, First: i == 0})
	}
	return all, nil
}

// complain returns what to tell about a code.
func (p page) complain(code string) (string, error) {
	left := p.Problem.AttemptsRemaining
	switch {
	case !slices.Contains(told, code):
		return p.Language.Text("problem." + internalError)
	case left == nil:
		return p.Language.Text("problem." + code)
	case *left == 0:
		return p.Language.Text("problem.no_tries_left")
	}
	return p.Language.Text("problem."+code, "Count", *left)
}

// Wrong returns what is told about that field, nil if nothing is.
func (p page) Wrong(field string) (*complaint, error) {
	all, err := p.Complaints()
	if i := slices.IndexFunc(all, func(c complaint) bool { return c.Field == field }); i >= 0 {
		return &all[i], nil
	}
	return nil, err
}

// Minutes returns for how many minutes the code is valid, rounded up.
func (p page) Minutes() int { return (p.Shown.ExpiresIn + 59) / 60 }

// TriesLeft returns how many there are, 0 if the problem tells already.
func (p page) TriesLeft() int {
	if p.Problem != nil && p.Problem.AttemptsRemaining != nil {
		return 0
	}
	return p.Shown.AttemptsRemaining
}

// busy says that the same request may do later.
func (p page) busy() bool {
	return p.Problem != nil && p.Problem.header.Get("Retry-After") != ""
}

// pages are index.html in every language.
type pages struct {
	*public
	in map[*locale.Language]*template.Template
}

func (p *public) servePages(r chi.Router) error {
	all := pages{p, make(map[*locale.Language]*template.Template)}
	for _, l := range p.words.Languages() {
		index, err := template.New("index.html").Funcs(l.Funcs()).ParseFS(p.Pages, "index.html")
		if err != nil {
			return fmt.Errorf("read the pages: %w", err)
		}
		all.in[l] = index
	}
	r.Group(func(r chi.Router) {
		r.Use(sameOrigin, p.unlessFull(asPage), p.bounded(asPage))
		r.Get("/", all.first(stepRegister))
		r.Get("/dispute", all.first(stepPaste))
		r.Post("/register", all.form(p.registerPage))
		r.Post("/verify", all.form(p.verifyPage))
		r.Post("/resend", all.form(p.resendPage))
		r.Post("/dispute", all.form(p.disputePage))
		r.Post("/show", all.form(p.showPage))
		for _, answered := range []string{"/register", "/verify", "/resend", "/show"} { // loaded again, or kept as a bookmark
			r.Get(answered, http.RedirectHandler("/", http.StatusSeeOther).ServeHTTP)
		}
	})
	serveFiles(r, p.Pages, "/style.css", "/script.js", "/icon.svg")
	return nil
}

// serveFiles serves what pages load.
func serveFiles(r chi.Router, pages fs.FS, names ...string) {
	files := http.FileServerFS(pages)
	for _, name := range names {
		r.Get(name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			files.ServeHTTP(w, r)
		})
	}
}

// first answers with the page that a step begins with.
func (p pages) first(step string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.render(w, r, fields{}, page{Step: step, Problem: refused(r.Context())})
	}
}

// form answers a form with the next page.
func (p pages) form(next func(context.Context, string, fields) page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		sent, key, problem := readForm(w, r)
		if problem != nil {
			p.render(w, r, sent, page{Step: stepRegister, Problem: problem})
			return
		}
		answer := next(r.Context(), key, sent)
		if answer.busy() {
			answer.Key = key
		}
		p.render(w, r, sent, answer)
	}
}

// readForm returns a form's fields and its key.
func readForm(w http.ResponseWriter, r *http.Request) (sent fields, key string, problem *Problem) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	var tooLarge *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &tooLarge) {
		problem = newProblem(bodyTooLarge, "this is not a form of ours")
	} else if err != nil {
		problem = newProblem(formMalformed, "")
	}
	key, keyProblem := idempotencyKey(r.PostForm.Get("idempotency_key"))
	for name, field := range fieldsOf(&sent) {
		*field = r.PostForm.Get(name)
	}
	return sent, key, cmp.Or(problem, keyProblem)
}

// render answers with a page in the reader's language, under the status of its problem.
func (p pages) render(w http.ResponseWriter, r *http.Request, sent fields, content page) {
	content.Language, _ = p.words.Match(sent.Language, sent.Locale, r.URL.Query().Get("locale"), r.Header.Get("Accept-Language"))
	content.Languages = p.words.Languages()
	if content.Key == "" {
		content.Key, _ = idempotencyKey("")
	}
	var body bytes.Buffer
	if err := p.in[content.Language].Execute(&body, content); err != nil {
		p.Log.WithError(err).Error("page not rendered")
		newProblem(internalError, "").ServeHTTP(w, nil)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", content.Language.Tag)
	w.Header().Add("Vary", "Accept-Language")
	if content.Problem != nil {
		maps.Copy(w.Header(), content.Problem.header)
		w.WriteHeader(content.Problem.Status)
	}
	_, _ = body.WriteTo(w) // the client is gone: nobody to tell
}
