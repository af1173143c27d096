package api

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

func (p *public) servePages(r chi.Router) error {
	files := http.FileServerFS(p.Pages)
	r.Get("/", files.ServeHTTP)
	return nil
}
