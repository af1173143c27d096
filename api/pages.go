package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// Rules:
//   - the pages are forms that work without JavaScript; the script sends the same forms and shows the same answers;
//   - a form is one of the API's calls, by the same function;
//   - a form gets its Idempotency-Key when it is rendered, so a double click is one request; after a 503 it keeps it;
//   - what the mail's link opens shows whom it is for and waits for a click: mail scanners open links.

// page is what index.html is filled with.
type page struct {
	Step           string // register, code, link, done
	Key            string // of the next request
	Typed          registerRequest
	VerificationID string
	Code           string // typed, when it may be sent again
	Token          string
	Shown          *verificationStatus
	ResendIn       int // seconds
	Problem        *Problem
}

// texts are what people read instead of a problem's own words.
var texts = map[string]string{
	emailInvalid:          "This address does not look right. It should be like name@example.com.",
	emailUnsupported:      "We cannot send mail to an address of this kind.",
	firstNameInvalid:      "Please give a first name: letters, spaces, apostrophes and hyphens.",
	lastNameInvalid:       "A last name has letters, spaces, apostrophes and hyphens only.",
	verificationIDInvalid: "This is too old or not complete. Please start again.",
	codeMalformed:         "The code has six digits.",
	tokenMalformed:        "The link is not complete. Please open it again from the mail, or type the code.",
	codeInvalid:           "This is not the code that we mailed.",
	codeExpired:           "This code is no longer valid. Let us send it again, or start anew.",
	tooManyAttempts:       "There were too many wrong codes. Please start again.",
	unavailable:           "We cannot do this at the moment. Please try again in a few seconds.",
	overloaded:            "There is a lot to do at the moment. Please try again in a few seconds.",
	outcomeUnknown:        "This takes longer than usual. Please try again: it counts only once.",
}

// Alert returns what to tell about the problem, if there is one.
func (p page) Alert() string {
	if p.Problem == nil {
		return ""
	}
	text, known := texts[p.Problem.Code]
	if !known {
		text = p.Problem.Title + "."
	}
	switch left := p.Problem.AttemptsRemaining; {
	case left == nil:
		return text
	case *left == 0:
		return text + " No tries are left: please start again."
	case *left == 1:
		return text + " You have one try left."
	default:
		return fmt.Sprintf("%s You have %d tries left.", text, *left)
	}
}

// Wrong says whether the problem is with that field.
func (p page) Wrong(field string) bool {
	if p.Problem == nil {
		return false
	}
	for _, e := range p.Problem.Errors {
		if e.Field == field {
			return true
		}
	}
	return false
}

// Minutes returns for how many minutes the code is valid, rounded up.
func (p page) Minutes() int { return (p.Shown.ExpiresIn + 59) / 60 }

func (p *public) servePages(r chi.Router) error {
	index, err := template.ParseFS(p.Pages, "index.html")
	if err != nil {
		return fmt.Errorf("read the pages: %w", err)
	}
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { p.render(w, index, page{Step: "register"}) })
	r.Group(func(r chi.Router) {
		r.Use(sameOrigin)
		r.Post("/register", form(p, index, p.registerPage))
		r.Post("/verify", form(p, index, p.verifyPage))
		r.Post("/resend", form(p, index, p.resendPage))
		r.Post("/link", form(p, index, p.linkPage))
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

// form answers a form whose fields are a Request with the next page.
func form[Request any](p *public, index *template.Template, next func(context.Context, string, Request) page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		var problem *Problem
		var tooLarge *http.MaxBytesError
		if err := r.ParseForm(); errors.As(err, &tooLarge) {
			problem = newProblem(bodyTooLarge, "this is not a form of ours")
		} else if err != nil {
			problem = newProblem(formMalformed, "this is not a form of ours")
		}
		key, keyProblem := idempotencyKey(r.PostForm.Get("idempotency_key"))
		if problem = cmp.Or(problem, keyProblem); problem != nil {
			p.render(w, index, page{Step: "register", Problem: problem})
			return
		}
		var request Request
		for name, field := range fieldsOf(&request) {
			*field = r.PostForm.Get(name)
		}
		answer := next(r.Context(), key, request)
		if answer.busy() {
			answer.Key = key
		}
		p.render(w, index, answer)
	}
}

func (p *public) registerPage(ctx context.Context, key string, r registerRequest) page {
	a, err := p.register(ctx, key, r)
	if err != nil {
		return page{Step: "register", Typed: r, Problem: problemOf(err)}
	}
	return p.codePage(ctx, a.VerificationID, nil)
}

func (p *public) resendPage(ctx context.Context, key string, r resendRequest) page {
	a, err := p.resend(ctx, key, r)
	next := p.codePage(ctx, r.VerificationID, problemOf(err))
	if err == nil {
		next.ResendIn = a.ResendIn
	}
	return next
}

func (p *public) verifyPage(ctx context.Context, key string, r verifyRequest) page {
	r.Code = strings.Join(strings.Fields(r.Code), "")
	v, err := p.verify(ctx, key, r)
	if err == nil {
		return page{Step: "done", Shown: &verificationStatus{Email: v.Email}}
	}
	next := p.codePage(ctx, r.VerificationID, problemOf(err)).linked(r.Token)
	if next.busy() {
		next.Code = r.Code
	}
	return next
}

// linkPage shows whom the mail's link is for.
func (p *public) linkPage(ctx context.Context, _ string, r verifyRequest) page {
	next := p.codePage(ctx, r.VerificationID, badFields(badGuess(r)...))
	if next.Step == "code" && next.Problem == nil && next.Shown.Status == "expired" {
		next.Problem = newProblem(codeExpired, "")
	}
	return next.linked(r.Token)
}

// linked asks for a click instead of the code, where a link was followed and
// its token can still prove something.
func (p page) linked(token string) page {
	if p.Step == "code" && token != "" && (p.Problem == nil || p.busy()) {
		p.Step, p.Token = "link", token
	}
	return p
}

// busy says that the same request may do later.
func (p page) busy() bool {
	return p.Problem != nil && p.Problem.Status == http.StatusServiceUnavailable
}

// codePage asks for the code of a verification. One that is proven says so, one
// that is over leads back to the start.
func (p *public) codePage(ctx context.Context, id string, problem *Problem) page {
	h, _, wrong := p.open(id)
	if len(wrong) > 0 {
		return page{Step: "register", Problem: badFields(wrong...)}
	}
	shown, err := p.status(ctx, &statusRequest{id})
	if err != nil {
		shown = &verificationStatus{Email: h.Email}
		problem = cmp.Or(problem, problemOf(err))
	}
	switch {
	case shown.Status == "verified":
		return page{Step: "done", Shown: shown}
	case problem != nil && (problem.Code == tooManyAttempts || problem.AttemptsRemaining != nil && *problem.AttemptsRemaining == 0):
		return page{Step: "register", Typed: registerRequest{Email: shown.Email, FirstName: shown.FirstName}, Problem: problem}
	}
	mailIn := secondsUntil(h.OpenedAt.Add(time.Duration(p.Policy.MailIntervalSeconds) * time.Second))
	return page{Step: "code", VerificationID: id, Shown: shown, ResendIn: mailIn, Problem: problem}
}

// problemOf returns the problem that a call ended in, nil if it ended well.
func problemOf(err error) *Problem {
	p, _ := err.(*Problem)
	return p
}

// render answers with a page, under the status of its problem.
func (p *public) render(w http.ResponseWriter, index *template.Template, content page) {
	if content.Key == "" {
		content.Key, _ = idempotencyKey("")
	}
	var body bytes.Buffer
	if err := index.Execute(&body, content); err != nil {
		p.Log.WithError(err).Error("page not rendered")
		newProblem(internalError, "it is logged; try again").ServeHTTP(w, nil)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if content.Problem != nil {
		w.WriteHeader(content.Problem.Status)
	}
	_, _ = body.WriteTo(w) // the client is gone: nobody to tell
}
