package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Rules:
//   - without a token only names of this machine are answered, so that no site a browser is led to can
//     take the listener's name for its own (DNS rebinding);
//   - with a token every path but /livez and /readyz asks for it (RFC 6750 §2.1), and the host is free;
//   - a browser on another site changes nothing here.

func guard(token string) func(http.Handler) http.Handler {
	allowed := fromThisMachine
	if token != "" {
		allowed = func(r *http.Request) *Problem { return withToken(r, token) }
	}
	return func(next http.Handler) http.Handler {
		return sameOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if problem := allowed(r); problem != nil {
				problem.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		}))
	}
}

// sameOrigin refuses what a page of another site sends, unless it only reads.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(newProblem(originForbidden, "send it from a page of this listener"))
	return protection.Handler(next)
}

func fromThisMachine(r *http.Request) *Problem {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return newProblem(hostForbidden, "without a token, only localhost and loopback addresses are answered")
}

func withToken(r *http.Request, token string) *Problem {
	if r.URL.Path == livePath || r.URL.Path == readyPath {
		return nil
	}
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(a[:], b[:]) == 1 {
		return nil
	}
	problem := newProblem(tokenRequired, "send Authorization: Bearer and the internal token")
	problem.header.Set("WWW-Authenticate", "Bearer")
	return problem
}
