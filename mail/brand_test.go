package mail

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBesides_AnyColour_CanBeReadAndSeen(t *testing.T) {
	for color, want := range map[string][2]string{
		"#ffffff": {"#000000", "#000000"}, "#000000": {"#ffffff", "#ffffff"}, "#3454d1": {"#ffffff", "#3454d1"}, "#ffd400": {"#000000", "#000000"}, "#ffa000": {"#000000", "#ffa000"},
	} {
		if text, edge, err := besides(color); text != want[0] || edge != want[1] || err != nil {
			t.Errorf("%s: %s, %s, %v", color, text, edge, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		color := rapid.Uint64Range(0, 0xffffff).Draw(t, "colour")
		text, _, err := besides(fmt.Sprintf("#%06x", color))
		if err != nil {
			t.Fatal(err)
		}
		on, err := strconv.ParseUint(text[1:], 16, 32)
		if ratio := contrast(luminance(color), luminance(on)); ratio < 4.5 || err != nil {
			t.Fatalf("%s is read at %.2f to 1", text, ratio)
		}
	})
}

// pictureFile makes a PNG.
func pictureFile(t *testing.T, width, height int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return file(t, b.String())
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logo")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNewBrand_ALogo_IsShownAsLargeAsThereIsRoomAndNeverEnlarged(t *testing.T) {
	for _, c := range [][4]int{{20, 10, 20, 10}, {480, 96, 240, 48}, {1000, 100, 240, 24}, {100, 1000, 5, 48}, {2000, 1, 240, 1}} {
		b, err := newBrand(ComposerConfig{Logo: pictureFile(t, c[0], c[1])})
		if err != nil || b.logo.width != c[2] || b.logo.height != c[3] || b.logo.contentType != "image/png" {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestNewBrand_WhatIsWrong_IsNamed(t *testing.T) {
	for _, c := range []struct {
		cfg  ComposerConfig
		want string
	}{
		{ComposerConfig{Product: "two\r\nlines"}, "MAIL_PRODUCT must be"},
		{ComposerConfig{Product: "  "}, "MAIL_PRODUCT must be a name"},
		{ComposerConfig{Product: strings.Repeat("x", 65)}, "MAIL_PRODUCT must be"},
		{ComposerConfig{Color: "red"}, `MAIL_COLOR "red": must be like #3454d1`},
		{ComposerConfig{Color: "#12345"}, "MAIL_COLOR"},
		{ComposerConfig{Support: "https://example.com/help"}, "MAIL_SUPPORT"},
		{ComposerConfig{Logo: "missing.png"}, "MAIL_LOGO: open missing.png"},
		{ComposerConfig{Logo: file(t, "<svg></svg>")}, "must be PNG, JPEG or GIF"},
		{ComposerConfig{Logo: file(t, "GIF89a")}, "cannot be read as image/gif"},
		{ComposerConfig{Logo: file(t, strings.Repeat("x", 64<<10+1))}, "has 65537 bytes"},
	} {
		if _, err := newBrand(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "MAIL_") {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}
