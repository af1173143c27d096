package user

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Rules:
//   - a name has letters, marks, spaces, ' ’ -, and a dot before a space or at the end; at most 64
//     characters: a mail in our name carries no stranger's text, link or number;
//   - none of them is invisible.

const maxName = 64

// ErrName says what a name may consist of.
var ErrName = errors.New("must have 1 to 64 characters: letters, spaces, ' ’ - and a dot before a space or at the end")

// NormalizeName returns the name in NFC, trimmed. An empty or unfit one is
// ErrName. Normalising again changes nothing.
func NormalizeName(typed string) (string, error) {
	if len(typed) > maxName*utf8.UTFMax {
		return "", ErrName
	}
	name := strings.TrimSpace(norm.NFC.String(typed))
	runes := []rune(name)
	hasLetter := false
	for i, r := range runes {
		switch {
		case invisible(r):
			return "", ErrName
		case unicode.IsLetter(r):
			hasLetter = true
		case unicode.IsMark(r), r == ' ', r == '\'', r == '’', r == '-':
		case r == '.' && (i == len(runes)-1 || runes[i+1] == ' '):
		default:
			return "", ErrName
		}
	}
	if !hasLetter || len(runes) > maxName {
		return "", ErrName
	}
	return name, nil
}
