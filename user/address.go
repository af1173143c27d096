package user

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Rules:
//   - one address has one spelling: NFKC (which folds widths), lower case, trimmed; the domain by IDNA;
//     a plus-tag is kept, it is part of the address;
//   - the local part is an ASCII dot-atom (RFC 5322 §3.2.3): a quoted one can carry SMTP parameters
//     into the envelope; what RFC 6531 allows beyond is answered "unsupported";
//   - bidi and invisible characters are refused: they make one address look like another;
//   - with a real relay, the domain has a dot and is no special-use name (RFC 6761, RFC 6762, RFC 7686,
//     and .internal, which ICANN keeps private).

// AddressError says what is wrong with an address; it never repeats it.
type AddressError struct {
	Unsupported bool // well-formed perhaps, but of a kind that is not taken
	Reason      string
}

func (e *AddressError) Error() string { return e.Reason }

func badAddress(format string, a ...any) error {
	return &AddressError{Reason: fmt.Sprintf(format, a...)}
}

// Lengths by RFC 5321 §4.5.3.1.
const (
	maxLocal   = 64
	maxAddress = 254
	maxTyped   = 1024 // bytes looked at, at most
)

// SpecialDomains are the top-level domains that no real relay could deliver to.
func SpecialDomains() []string {
	return []string{"localhost", "local", "internal", "onion", "invalid", "test", "example"}
}

// NormalizeAddress returns the one spelling of an address, which is also its
// key. With public, names that no real relay could deliver to are refused
// too. Errors are *AddressError. Normalising again changes nothing.
func NormalizeAddress(typed string, public bool) (string, error) {
	if len(typed) > maxTyped {
		return "", badAddress("must have at most %d characters", maxAddress)
	}
	typed = strings.TrimSpace(typed)
	for _, r := range typed {
		if r == unicode.ReplacementChar || unicode.IsControl(r) || invisible(r) {
			return "", badAddress("must not contain invisible or control characters")
		}
	}
	// Decomposed, İ lowers to i with a dot, which is not the ASCII i of another's address.
	folded := norm.NFKC.String(strings.ToLower(norm.NFKD.String(typed)))
	at := strings.LastIndexByte(folded, '@')
	if at <= 0 || at == len(folded)-1 {
		return "", badAddress("must have the form name@example.com")
	}
	local, domain := folded[:at], folded[at+1:]
	if err := checkLocal(local); err != nil {
		return "", err
	}
	domain, err := normalizeDomain(domain, public)
	if err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxAddress {
		return "", badAddress("must have at most %d characters", maxAddress)
	}
	return local + "@" + domain, nil
}

// invisible says whether r is shown as nothing or turns the text around it:
// format characters (bidi among them), fillers and variation selectors.
func invisible(r rune) bool {
	return r > unicode.MaxASCII && unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func checkLocal(local string) error {
	if len(local) > maxLocal {
		return badAddress("must have at most %d characters before the @", maxLocal)
	}
	if strings.ContainsAny(local, `"\`) {
		return &AddressError{Unsupported: true, Reason: "quoted names before the @ are not supported"}
	}
	for _, r := range local {
		if r > unicode.MaxASCII {
			return &AddressError{Unsupported: true, Reason: "only ASCII letters and digits are supported before the @"}
		}
	}
	for _, atom := range strings.Split(local, ".") {
		if atom == "" {
			return badAddress("must not have a dot at an end of the part before the @, nor two in a row")
		}
		if strings.Trim(atom, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~") != "" {
			return badAddress("has a character before the @ that no address can have")
		}
	}
	return nil
}

func normalizeDomain(domain string, public bool) (string, error) {
	if strings.HasPrefix(domain, "[") {
		return "", &AddressError{Unsupported: true, Reason: "an IP address after the @ is not supported"}
	}
	ascii, err := idna.Registration.ToASCII(domain)
	if err != nil || strings.HasSuffix(ascii, ".") {
		return "", badAddress("must have a domain name after the @")
	}
	if !public {
		return ascii, nil
	}
	labels := strings.Split(ascii, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || strings.Trim(last, "0123456789") == "" {
		return "", badAddress("must have a public domain name after the @, like example.com")
	}
	for _, special := range SpecialDomains() {
		if last == special {
			return "", badAddress("must have a public domain name after the @: .%s is none", special)
		}
	}
	return ascii, nil
}
