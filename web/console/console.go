// Package console holds the pages of the internal listener. They must never be served on the public one, and know nothing
// of what answers their requests but relative addresses.
package console

import "embed"

// Files are the pages, with their styles and scripts, by name.
//
//go:embed *.html *.css *.js
var Files embed.FS
