package api

import "net/http"

// Rules (beyond RFCs, what the OWASP Secure Headers Project asks for):
//   - a page loads nothing from elsewhere, runs no inline script and is shown in no frame;
//   - no address of ours, and with it no handle, goes to another site as a referrer;
//   - nothing is stored by caches, unless a handler says otherwise;
//   - where people come by https, browsers come by nothing else for a year (RFC 6797 §6.1).

// fixedHeader is one that answers have, and why.
type fixedHeader struct{ name, value, why string }

// onEvery lists those that every answer has.
func onEvery() []fixedHeader {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return []fixedHeader{
		{"Cache-Control", "no-store", "Answers are not stored."},
		{"Content-Security-Policy", policy, "An answer loads nothing from elsewhere and is shown in no frame."},
		{"Cross-Origin-Opener-Policy", "same-origin", "No other site's window can reach into a page."},
		{"Cross-Origin-Resource-Policy", "same-origin", "No other site embeds what is here."},
		{"Permissions-Policy", "camera=(), geolocation=(), microphone=()", "Pages ask for nothing of the device."},
		{"Referrer-Policy", "no-referrer", "No address of ours goes to another site."},
		{"X-Content-Type-Options", "nosniff", "The content type is not guessed."},
		{"X-Frame-Options", "DENY", "An answer is shown in no frame, for browsers without the policy."},
		{"X-Permitted-Cross-Domain-Policies", "none", "Plug-ins load nothing from here."},
	}
}

// onlyHTTPS asks browsers never to come by http again.
func onlyHTTPS() fixedHeader {
	return fixedHeader{"Strict-Transport-Security", "max-age=31536000", "Come by https only."}
}

// answeringWith sets headers before a handler runs, so that one may set its own.
func answeringWith(headers ...fixedHeader) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, h := range headers {
				w.Header().Set(h.name, h.value)
			}
			next.ServeHTTP(w, r)
		})
	}
}
