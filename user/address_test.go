package user_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/user"
)

func TestNormalizeAddress_GivesOneSpelling(t *testing.T) {
	for typed, want := range map[string]string{
		"ada@example.com":                         "ada@example.com",
		" Ada@Example.COM\n":                      "ada@example.com",
		"\u00a0ada@example.com\u3000":             "ada@example.com",
		"ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ":                         "ada@example.com",
		"ﬁx@example.com":                          "fix@example.com",
		"\u212aate@example.com":                   "kate@example.com", // the Kelvin sign
		"ada+shop@example.com":                    "ada+shop@example.com",
		"a.d.a@example.com":                       "a.d.a@example.com",
		"!#$%&'*+-/=?^_`{|}~@example.com":         "!#$%&'*+-/=?^_`{|}~@example.com",
		"ada@bücher.de":                           "ada@xn--bcher-kva.de",
		"ada@BU\u0308CHER.de":                     "ada@xn--bcher-kva.de",
		"ada@xn--bcher-kva.de":                    "ada@xn--bcher-kva.de",
		"ada@faß.de":                              "ada@xn--fa-hia.de",
		"ada@İstanbul.com":                        "ada@xn--istanbul-o0e.com",
		"ada@例え.テスト":                              "ada@xn--r8jz45g.xn--zckzah",
		"a@b.co":                                  "a@b.co",
		"ada@sub.example.com":                     "ada@sub.example.com",
		"ada@test.com":                            "ada@test.com",
		"ada@12.example.com":                      "ada@12.example.com",
		strings.Repeat("a", 64) + "@b.co":         strings.Repeat("a", 64) + "@b.co",
		"ada@" + strings.Repeat("d", 63) + ".com": "ada@" + strings.Repeat("d", 63) + ".com",
	} {
		for _, public := range []bool{true, false} {
			got, err := user.NormalizeAddress(typed, public)
			if err != nil || got != want {
				t.Errorf("%q: %q, %v; want %q", typed, got, err, want)
			}
		}
	}
}

func TestNormalizeAddress_RefusesWhatCannotBeMailedSafely(t *testing.T) {
	label := strings.Repeat("d", 61) + "."
	for _, typed := range []string{
		"", "@", "ada", "ada@", "@example.com", "ada@@example.com", "a@d@example.com", "ada.example.com",
		".ada@example.com", "ada.@example.com", "a..da@example.com", "a da@example.com", "ada @example.com", "ada@ example.com",
		"a,da@example.com", "a;da@example.com", "<ada@example.com>", "ada(me)@example.com", "ada:@example.com",
		"ada@example..com", "ada@.", "ada@..", "ada@.example.com", "ada@example.com.", "ada@-example.com", "ada@example-.com", "ada@exa_mple.com",
		"ada@exa mple.com", "ada@example.com>", "ada@ex%61mple.com", "ada@xn--a.com", "ada@example。com",
		"ada\r\nRCPT TO:<eve@example.com>@example.com", "ada\x00@example.com", "ada\u007f@example.com", "ada@exam\tple.com",
		"a\u202eda@example.com", "ada@exam\u200bple.com", "ada@exam\u00adple.com", "ada@exam\ufe0fple.com", "ada@exam\u034fple.com",
		"ada@exam\u3164ple.com", "\u200eada@example.com", "ada@example.com\ufeff", "ada@a\u05d0b.com",
		"ada@example.com\xff", "ada\ufffd@example.com",
		strings.Repeat("a", 65) + "@example.com", "ada@" + strings.Repeat("d", 64) + ".com",
		strings.Repeat("a", 64) + "@" + strings.Repeat(label, 3) + "comm", strings.Repeat("a", 2000),
	} {
		for _, public := range []bool{true, false} {
			got, err := user.NormalizeAddress(typed, public)
			var bad *user.AddressError
			if !errors.As(err, &bad) || got != "" || bad.Unsupported {
				t.Errorf("%q: %q, %#v", typed, got, err)
			}
		}
	}
}

func TestNormalizeAddress_LooksAt1024BytesAtMost(t *testing.T) {
	spaces := strings.Repeat(" ", 1024-len(ada))
	if got, err := user.NormalizeAddress(spaces+ada, true); err != nil || got != ada {
		t.Errorf("1024 bytes: %q, %v", got, err)
	}
	if got, err := user.NormalizeAddress(spaces+" "+ada, true); err == nil {
		t.Errorf("1025 bytes were taken as %q", got)
	}
}

func TestNormalizeAddress_SaysWhatIsWrong(t *testing.T) {
	for typed, want := range map[string]string{
		"":                     "must have the form name@example.com",
		"ada":                  "must have the form name@example.com",
		"@":                    "must have the form name@example.com",
		"ada@":                 "must have the form name@example.com",
		"@example.com":         "must have the form name@example.com",
		"a@d@example.com":      "has a character before the @ that no address can have",
		"ada@exam\x00ple.com":  "must not contain invisible or control characters",
		"ada@exam\u00adple.co": "must not contain invisible or control characters",
		"ada@-":                "must have a domain name after the @",
	} {
		if _, err := user.NormalizeAddress(typed, true); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", typed, err, want)
		}
	}
}

func TestNormalizeAddress_SaysWhatItDoesNotSupport(t *testing.T) {
	for _, typed := range []string{
		`"ada"@example.com`, `"a@da"@example.com`, `a\da@example.com`, "ädä@example.com", "İrem@example.com", "用户@example.com",
		"ada@[127.0.0.1]", "ada@[IPv6:::1]",
	} {
		_, err := user.NormalizeAddress(typed, false)
		var bad *user.AddressError
		if !errors.As(err, &bad) || !bad.Unsupported {
			t.Errorf("%q: %#v", typed, err)
		}
	}
}

func TestNormalizeAddress_WithARealRelay_TakesPublicDomainsOnly(t *testing.T) {
	for _, typed := range []string{
		"ada@localhost", "ada@intranet", "ada@shop.localhost", "ada@printer.local", "ada@db.internal", "ada@hidden.onion",
		"ada@no.invalid", "ada@some.test", "ada@some.example", "ada@SOME.Test", "ada@127.0.0.1", "ada@1.2",
	} {
		if got, err := user.NormalizeAddress(typed, true); err == nil {
			t.Errorf("%q was taken as %q", typed, got)
		}
		if _, err := user.NormalizeAddress(typed, false); err != nil {
			t.Errorf("%q without a real relay: %v", typed, err)
		}
	}
}

func TestAddressError_NeverRepeatsWhatWasTyped(t *testing.T) {
	for _, typed := range []string{"zebra", "zebra@zebra@zebra", "zebra..@x", "zebra@zebra zebra", `"zebra"@x`, strings.Repeat("zebra", 300)} {
		if _, err := user.NormalizeAddress(typed, true); err == nil || strings.Contains(err.Error(), "zebra") {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func FuzzNormalizeAddress(f *testing.F) {
	for _, typed := range []string{"ada@example.com", "Ada+x@BÜCHER.de", "ａ＠ｂ．ｃ", "İ@İ.com", `"a"@b.c`, "a@[::1]", "a@\u3164.com", "℀@℡.com", "a@ΣΑΣ.gr"} {
		f.Add(typed, true)
		f.Add(typed, false)
	}
	f.Fuzz(func(t *testing.T, typed string, public bool) {
		got, err := user.NormalizeAddress(typed, public)
		if err != nil {
			var bad *user.AddressError
			if !errors.As(err, &bad) || bad.Reason == "" || got != "" {
				t.Fatalf("%q: %q, %#v", typed, got, err)
			}
			return
		}
		if again, err := user.NormalizeAddress(got, public); err != nil || again != got {
			t.Fatalf("%q became %q, and that %q, %v", typed, got, again, err)
		}
		local, domain, _ := strings.Cut(got, "@")
		if len(got) > 254 || len(local) > 64 {
			t.Fatalf("%q became %q", typed, got)
		}
		for _, r := range local {
			if r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>@[\]`, r) || r >= 'A' && r <= 'Z' {
				t.Fatalf("%q became %q", typed, got)
			}
		}
		if strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || strings.HasSuffix(domain, ".") {
			t.Fatalf("%q became %q", typed, got)
		}
		if public && !strings.Contains(domain, ".") {
			t.Fatalf("%q became %q", typed, got)
		}
	})
}
