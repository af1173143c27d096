package api

import (
	"cmp"
	"context"
	"strings"
	"time"

	"countersign/user"
)

// Rules:
//   - a link, followed or pasted, shows whom it is for and waits for a click: mail scanners open links;
//   - what the page shows can be shown again, in another language, without asking for anything;
//   - what is proven says so, and what is over leads back to the start: no code is asked for where no tries are left.

func (p *public) registerPage(ctx context.Context, key string, sent fields) page {
	a, err := p.register(ctx, key, registerRequest{Email: sent.Email, FirstName: sent.FirstName, LastName: sent.LastName, Locale: sent.Locale})
	if err != nil {
		return page{Step: stepRegister, Typed: sent, Problem: problemOf(err)}
	}
	return p.codePage(ctx, a.VerificationID, "", nil)
}

func (p *public) resendPage(ctx context.Context, key string, sent fields) page {
	a, err := p.resend(ctx, key, resendRequest{VerificationID: sent.VerificationID})
	next := p.codePage(ctx, sent.VerificationID, "", problemOf(err))
	if err == nil {
		next.ResendIn, next.Resent = a.ResendIn, true
	}
	return next
}

func (p *public) verifyPage(ctx context.Context, key string, sent fields) page {
	sent.Code = strings.Join(strings.Fields(sent.Code), "")
	v, err := p.verify(ctx, key, verifyRequest{VerificationID: sent.VerificationID, Code: sent.Code, Token: sent.Token})
	if err == nil {
		return page{Step: stepDone, Shown: &verificationStatus{Email: v.Email}}
	}
	next := p.codePage(ctx, sent.VerificationID, sent.Token, problemOf(err))
	if next.busy() {
		next.Typed.Code = sent.Code
	}
	return next
}

func (p *public) disputePage(ctx context.Context, key string, sent fields) page {
	next := p.askDispute(sent)
	if next.Problem != nil {
		return next
	}
	if _, err := p.dispute(ctx, key, disputeRequest{VerificationID: sent.VerificationID, Token: sent.Token}); err != nil {
		next.Problem = problemOf(err)
	} else {
		next.Step = stepDisputed
	}
	return next
}

// showPage shows a form's page again, and what a pasted link leads to.
func (p *public) showPage(ctx context.Context, key string, sent fields) page {
	if sent.Step == stepPaste && sent.Link != "" {
		sent = sent.followed()
	}
	next := page{Step: stepRegister, Typed: sent}
	switch sent.Step {
	case stepPaste:
		next.Step = stepPaste
	case stepCode:
		next = p.codePage(ctx, sent.VerificationID, "", nil)
		next.Typed.Code = sent.Code
	case stepLink:
		next = p.linkPage(ctx, sent)
	case stepDispute:
		next = p.askDispute(sent)
	}
	next.Problem = cmp.Or(next.Problem, refused(ctx))
	next.Key = key // nothing was asked for with it
	return next
}

// followed are the fields of the page that a link opens: PUBLIC_URL/#<verification>.<token>, or
// PUBLIC_URL/dispute#<verification>.<token>.
func (f fields) followed() fields {
	path, fragment, _ := strings.Cut(strings.Join(strings.Fields(f.Link), ""), "#")
	f.Step = stepLink
	if strings.HasSuffix(path, "/dispute") {
		f.Step = stepDispute
	}
	f.VerificationID, f.Token, _ = strings.Cut(fragment, ".")
	return f
}

// linkPage shows whom the mail's link is for.
func (p *public) linkPage(ctx context.Context, sent fields) page {
	if problem := badFields(badToken(sent.Token)...); problem != nil {
		return page{Step: stepPaste, Typed: fields{Link: sent.Link}, Problem: problem}
	}
	return p.codePage(ctx, sent.VerificationID, sent.Token, nil)
}

// askDispute shows what saying "I did not ask for this" does.
func (p *public) askDispute(sent fields) page {
	h, _, wrong := p.open(sent.VerificationID)
	if wrong = append(badToken(sent.Token), wrong...); len(wrong) > 0 { // of one link: one sentence says it
		return page{Step: stepPaste, Typed: fields{Link: sent.Link}, Problem: badFields(wrong[0])}
	}
	return page{
		Step: stepDispute, Typed: fields{VerificationID: sent.VerificationID, Token: sent.Token},
		Shown: &verificationStatus{Email: h.Email},
	}
}

// linked asks for a click instead of the code, where a link was followed and
// its token can still prove something.
func (p page) linked(token string) page {
	if p.Step == stepCode && token != "" && (p.Problem == nil || p.busy()) {
		p.Step, p.Typed.Token = stepLink, token
	}
	return p
}

// codePage asks for the code of a verification, or for a click where a link's
// token came along. One that is proven says so, one without tries leads back
// to the start.
func (p *public) codePage(ctx context.Context, id, token string, problem *Problem) page {
	h, _, wrong := p.open(id)
	if len(wrong) > 0 {
		return page{Step: stepRegister, Problem: badFields(wrong...)}
	}
	shown, err := p.status(ctx, &statusRequest{id})
	switch {
	case err != nil:
		shown = &verificationStatus{Email: h.Email}
		problem = cmp.Or(problem, problemOf(err))
	case shown.Status == "verified":
		return page{Step: stepDone, Shown: shown}
	case token != "" && shown.Status == "expired":
		problem = cmp.Or(problem, newProblem(codeExpired, ""))
	case token == "" && shown.AttemptsRemaining == 0:
		return page{
			Step: stepRegister, Typed: fields{Email: shown.Email, FirstName: shown.FirstName},
			Problem: cmp.Or(problem, newProblem(tooManyAttempts, "")),
		}
	}
	mailIn := secondsUntil(h.OpenedAt.Add(time.Duration(p.Policy.MailIntervalSeconds) * time.Second))
	return page{
		Step: stepCode, Typed: fields{VerificationID: id}, Shown: shown, Reference: user.Reference(h.VerificationID),
		ResendIn: mailIn, Problem: problem,
	}.linked(token)
}

// problemOf returns the problem that a call ended in, nil if it ended well.
func problemOf(err error) *Problem {
	p, _ := err.(*Problem)
	return p
}
