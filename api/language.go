package api

import (
	"context"
	"net/http"
)

// Rules:
//   - the locale that is given wins; without one a browser's Accept-Language decides (RFC 9110 §12.5.4), by BCP 47
//     matching with the languages there are;
//   - where neither says anything usable no locale is made up.

type acceptLanguageKey struct{}

// acceptLanguage hands what a browser prefers to read to the calls.
func acceptLanguage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		preferences := r.Header.Get("Accept-Language")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), acceptLanguageKey{}, preferences)))
	})
}

// preferred returns the tag of the language that a browser prefers, of those there are; empty if none of them.
func (p *public) preferred(ctx context.Context) string {
	preferences, _ := ctx.Value(acceptLanguageKey{}).(string)
	if best, fits := p.words.Match(preferences); fits {
		return best.Tag
	}
	return ""
}
