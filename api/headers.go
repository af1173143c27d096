package api

import "net/http"

// Rules:
//   - a page loads nothing from elsewhere, runs no inline script and is shown in no frame;
//   - no address of ours, and with it no handle, goes to another site as a referrer;
//   - nothing is stored by caches, unless a handler says otherwise.

// securityHeaders sets them before a handler runs, so that one may set its own.
func securityHeaders(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
