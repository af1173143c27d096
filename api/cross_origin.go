package api

import (
	"net/http"
	"strings"

	"github.com/rs/cors"
)

// Rules (Fetch Standard, HTTP-CORS protocol):
//   - pages of the sites that are named may use the calls under /api/, and nothing else here; by default no other site may;
//   - no credentials are ever taken along: there are none;
//   - an answer tells caches that it depends on who asks (Vary: Origin), also where it refuses.

// crossOrigin lets the pages of other sites use the API.
func (p *public) crossOrigin(next http.Handler) http.Handler {
	if len(p.CORSOrigins) == 0 {
		return next // an empty list would allow every site
	}
	shared := cors.New(cors.Options{
		AllowedOrigins: p.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Content-Type", "Idempotency-Key", "Traceparent"},
		ExposedHeaders: []string{"Idempotency-Key", "Retry-After", "RateLimit", "RateLimit-Policy"},
		MaxAge:         7200, // seconds; no browser keeps it for longer
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			shared.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
