package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
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

// changes says whether a request with the method may change something.
func changes(method string) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}

// open says whether a request with the method needs no token.
func (t tokens) open(method string) bool {
	return t.internal == "" && (!changes(method) || t.operator == "")
}

// The names of the tokens in the description.
const (
	internalScheme = "internal_token"
	operatorScheme = "operator_token"
)

// describe says in the description what is asked for, and what is refused.
func (t tokens) describe(d *description) {
	bearer := func(what string) *huma.SecurityScheme {
		return &huma.SecurityScheme{Type: "http", Scheme: "bearer", Description: what}
	}
	schemes := map[string]*huma.SecurityScheme{}
	var read, change []map[string][]string
	if t.internal != "" {
		schemes[internalScheme] = bearer("INTERNAL_TOKEN: to read.")
		read = append(read, map[string][]string{internalScheme: {}})
	}
	if t.operator != "" {
		schemes[operatorScheme] = bearer("OPERATOR_TOKEN: to read and to change.")
		change = append(change, map[string][]string{operatorScheme: {}})
		read = append(read, change...)
	}
	d.OpenAPI().Components.SecuritySchemes = schemes
	d.guard = func(op *huma.Operation) (refusals []string) {
		switch {
		case t.open(op.Method):
			refusals = []string{hostForbidden}
		case free(op.Path):
		case changes(op.Method):
			op.Security, refusals = change, []string{tokenRequired, operatorRequired}
		default:
			op.Security, refusals = read, []string{tokenRequired}
		}
		if changes(op.Method) {
			refusals = append(refusals, originForbidden)
		}
		return refusals
	}
}

// free says whether a path needs no token: supervisors have none.
func free(path string) bool { return path == livePath || path == readyPath }

// refuse says why a request is not answered, nil if it is.
func (t tokens) refuse(r *http.Request) *Problem {
	switch {
	case t.open(r.Method):
		return fromThisMachine(r)
	case free(r.URL.Path):
		return nil
	case bears(r, t.operator) || !changes(r.Method) && bears(r, t.internal):
		return nil
	case bears(r, t.internal) && t.operator == "":
		return newProblem(operatorRequired, "OPERATOR_TOKEN is not set here: nothing can be changed")
	case bears(r, t.internal):
		return newProblem(operatorRequired, "")
	}
	problem := newProblem(tokenRequired, "")
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
	protection.SetDenyHandler(newProblem(originForbidden, ""))
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
	return newProblem(hostForbidden, "")
}
