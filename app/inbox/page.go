// Rules of the page:
//   - everything comes from here, nothing inline, nothing remote;
//   - a mail's HTML is a document of its own, sandboxed by header wherever it is opened: no script, no origin, no form, no
//     remote content. Only its links work, in a new window.

package inbox

import (
	"encoding/json"
	"net/http"
	"strconv"

	"countersign/web/console"
)

const (
	pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	mailPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

// Handler serves the page at /, the mails at /messages (JSON, newest first; ?to=ADDRESS for those to one recipient, ?limit=N for the newest N) and the HTML of one
// at /messages/{id}/html. All addresses in the page are relative, so it may be mounted anywhere that ends in a slash.
func (in *Inbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", file("inbox.html"))
	mux.HandleFunc("GET /inbox.css", file("inbox.css"))
	mux.HandleFunc("GET /inbox.js", file("inbox.js"))
	mux.HandleFunc("GET /messages", in.serveMessages)
	mux.HandleFunc("GET /messages/{id}/html", in.serveHTML)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

func file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, console.Files, name) }
}

func (in *Inbox) serveMessages(w http.ResponseWriter, r *http.Request) {
	limit := 0
	if given := r.URL.Query().Get("limit"); given != "" {
		var err error
		if limit, err = strconv.Atoi(given); err != nil || limit < 1 {
			http.Error(w, "limit must be a number above 0", http.StatusBadRequest)
			return
		}
	}
	messages := in.store.newest(r.URL.Query().Get("to"), limit)
	tag := `"empty"`
	if len(messages) > 0 {
		tag = strconv.Quote(messages[0].ID)
	}
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(messages) // The client went away.
}

func (in *Inbox) serveHTML(w http.ResponseWriter, r *http.Request) {
	m, found := in.store.find(r.PathValue("id"))
	if !found || m.HTML == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(m.HTML))
}
