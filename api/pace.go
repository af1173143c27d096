package api

import (
	"context"
	"net/http"
	"path"
	"slices"
	"time"
)

// Rules:
//   - an answer that is alike whatever is known of the address takes as long, too (OWASP ASVS 5.0 6.3.8): it leaves at a
//     step of so many milliseconds after it was asked for, the next one where Kafka takes longer;
//   - so neither the reading of the address's row shows in its time, which takes longer the more was asked about it, nor
//     what the processors do about the command at the same time, perhaps on the same machine;
//   - a refusal does not wait: it is decided by the request alone.

// alike are the calls, and forms, whose answers tell nothing.
var alike = []string{"register", "resend", "dispute"}

// paced has those answers leave in steps.
func (p *public) paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.Pace > 0 && r.Method == http.MethodPost && slices.Contains(alike, path.Base(r.URL.Path)) {
			w = &pacedWriter{ResponseWriter: w, ctx: r.Context(), asked: time.Now(), step: p.Pace}
		}
		next.ServeHTTP(w, r)
	})
}

// pacedWriter begins an answer at a step after it was asked for.
type pacedWriter struct {
	http.ResponseWriter

	ctx   context.Context
	asked time.Time
	step  time.Duration
	begun bool
}

func (w *pacedWriter) WriteHeader(status int) {
	if !w.begun && status < http.StatusBadRequest {
		left := time.NewTimer(w.step - time.Since(w.asked)%w.step)
		defer left.Stop()
		select {
		case <-left.C:
		case <-w.ctx.Done(): // nobody waits for it
		}
	}
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
