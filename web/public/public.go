// Package public holds the pages of the public listener: the one on which a
// person registers and verifies, and the API's description for people. They are
// html/templates that api/ fills. It must not hold anything that is not for
// everybody's eyes: what is here is served to the world.
package public

import "embed"

// Files holds the pages and what they load; they load nothing from elsewhere.
//
//go:embed *.html *.css *.js *.svg languages/*.json
var Files embed.FS
