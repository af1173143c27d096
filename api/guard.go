package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Rules:
//   - without a token only names of this machine are answered, so that no site a browser is led to can
//     take the listener's name for its own (DNS rebinding);
//   - with one every path but /livez and /readyz asks for it (RFC 6750 §2.1), and the host is free: the internal token
//     reads, the operator's reads and changes;
//   - where only reading has a token, nothing can be changed;
//   - a browser on another site changes nothing here.

// tokens are those that the internal listener asks for; an empty one is none.
type tokens struct{ internal, operator string }

func (t tokens) guard(next http.Handler) http.Handler {
	return sameOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem := t.refuse(r); problem != nil {
			problem.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// refuse says why a request is not answered, nil if it is.
func (t tokens) refuse(r *http.Request) *Problem {
	changes := !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method)
	switch {
	case t.internal == "" && (!changes || t.operator == ""):
		return fromThisMachine(r)
	case r.URL.Path == livePath || r.URL.Path == readyPath:
		return nil
	case bears(r, t.operator) || !changes && bears(r, t.internal):
		return nil
	case bears(r, t.internal) && t.operator == "":
		return newProblem(operatorRequired, "OPERATOR_TOKEN is not set here: nothing can be changed")
	case bears(r, t.internal):
		return newProblem(operatorRequired, "send Authorization: Bearer and the operator token")
	}
	problem := newProblem(tokenRequired, "send Authorization: Bearer and the internal token, or the operator token to change something")
	problem.header.Set("WWW-Authenticate", "Bearer")
	return problem
}

// bears says whether a request has that token.
func bears(r *http.Request, token string) bool {
	given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return found && token != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
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
