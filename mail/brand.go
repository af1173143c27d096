// Rules of a brand:
//   - the letters on the button are black or white, whichever is read better on its colour: at worst 4.58 to 1 (WCAG 2.2,
//     1.4.3 wants 4.5), so that every colour will do; a button that would not be seen on the page has an edge of the same;
//   - a logo is attached, never fetched: whoever reads a mail tells nobody.

package mail

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	mostProductLetters = 64
	// mostLogoBytes bounds what every mail carries.
	mostLogoBytes = 64 << 10
	// Greatest size at which a logo is shown.
	logoWidth, logoHeight = 240, 48

	// Grounds of the button, as layout.html and styles.css have them, and the contrast at which it is seen on them.
	lightCard, darkCard = 0xffffff, 0x1d2026
	leastContrast       = 1.5

	logoID = "logo@countersign"
)

// brand is how mails show whose they are.
type brand struct {
	product, support string

	color, colorText, colorEdge string

	logo picture
}

// picture is a logo as it is attached, and the size in pixels at which it is shown. Its zero value is none.
type picture struct {
	contentType string
	encoded     string // base64, in lines of 76

	width, height int
}

func newBrand(cfg ComposerConfig) (*brand, error) {
	b := &brand{product: cmp.Or(cfg.Product, "Countersign"), color: strings.ToLower(cmp.Or(cfg.Color, "#3454d1"))}
	unprinted := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(b.product) == "" || utf8.RuneCountInString(b.product) > mostProductLetters || strings.ContainsFunc(b.product, unprinted) {
		return nil, fmt.Errorf("MAIL_PRODUCT must be a name of at most %d letters, on one line", mostProductLetters)
	}
	var err error
	if b.colorText, b.colorEdge, err = besides(b.color); err != nil {
		return nil, fmt.Errorf("MAIL_COLOR %q: %w", cfg.Color, err)
	}
	if cfg.Support != "" {
		support, err := sender(cfg.Support)
		if err != nil {
			return nil, fmt.Errorf("MAIL_SUPPORT %q: %w", cfg.Support, err)
		}
		b.support = support.Address
	}
	if cfg.Logo != "" {
		if b.logo, err = readPicture(cfg.Logo); err != nil {
			return nil, fmt.Errorf("MAIL_LOGO: %w", err)
		}
	}
	return b, nil
}

// fields are those that every mail has.
func (b *brand) fields() fields {
	f := fields{Product: b.product, Support: b.support, Color: b.color, ColorText: b.colorText, ColorEdge: b.colorEdge}
	if b.logo != (picture{}) {
		f.Logo, f.LogoWidth, f.LogoHeight = "cid:"+logoID, b.logo.width, b.logo.height
	}
	return f
}

var hexColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// besides returns the colour, black or white, that contrasts more with another, and what its edge must be.
func besides(color string) (text, edge string, err error) {
	if !hexColor.MatchString(color) {
		return "", "", errors.New("must be like #3454d1")
	}
	rgb, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil {
		return "", "", err
	}
	l := luminance(rgb)
	text, edge = "#ffffff", color
	if contrast(l, 0) > contrast(l, 1) {
		text = "#000000"
	}
	if min(contrast(l, luminance(lightCard)), contrast(l, luminance(darkCard))) < leastContrast {
		edge = text
	}
	return text, edge, nil
}

// luminance is WCAG's relative luminance, 0 to 1.
func luminance(rgb uint64) float64 {
	linear := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

// contrast is WCAG's contrast ratio of two luminances, 1 to 21.
func contrast(a, b float64) float64 {
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// readPicture reads the file of a logo.
func readPicture(file string) (picture, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return picture{}, err
	}
	if len(content) > mostLogoBytes {
		return picture{}, fmt.Errorf("%s has %d bytes, and every mail would carry them: at most %d", file, len(content), mostLogoBytes)
	}
	kind := http.DetectContentType(content)
	read, known := map[string]func(io.Reader) (image.Config, error){
		"image/png": png.DecodeConfig, "image/jpeg": jpeg.DecodeConfig, "image/gif": gif.DecodeConfig,
	}[kind]
	if !known {
		return picture{}, fmt.Errorf("%s must be PNG, JPEG or GIF, which every mail program shows", file)
	}
	size, err := read(bytes.NewReader(content))
	if err == nil && (size.Width == 0 || size.Height == 0) {
		err = errors.New("it is empty")
	}
	if err != nil {
		return picture{}, fmt.Errorf("%s cannot be read as %s: %w", file, kind, err)
	}
	scale := min(1, logoWidth/float64(size.Width), logoHeight/float64(size.Height))
	shown := func(pixels int) int { return int(math.Ceil(scale * float64(pixels))) }
	var lines []string
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(content)), 76) {
		lines = append(lines, string(line))
	}
	return picture{contentType: kind, encoded: strings.Join(lines, "\r\n"), width: shown(size.Width), height: shown(size.Height)}, nil
}
