package app

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

func TestPreviewMail_EachWay_ShowsTheLetter(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("PATH", "") // no browser is there
	show := func(p MailPreview) string {
		t.Helper()
		var out strings.Builder
		if err := PreviewMail(settings(t), p, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := show(MailPreview{Kind: "verify_account", Locale: "pt-BR"}); !strings.HasPrefix(got, "Subject: Confirme sua conta\nContent-Language: pt-BR\n\n123456 é seu código Countersign.\n") {
		t.Errorf("as text: %s", got)
	}
	page := show(MailPreview{Kind: "verify_account", Locale: "pt-BR", HTML: true})
	if !strings.HasPrefix(page, "<!doctype html>") {
		t.Errorf("as HTML: %s", page)
	}
	said := show(MailPreview{Kind: "verify_account", Locale: "pt-BR", Open: true})
	name, _, _ := strings.Cut(said, "\n")
	if opened, err := os.ReadFile(name); err != nil || string(opened) != page || !strings.Contains(said, "no browser could be started") {
		t.Errorf("opened: %s, %v", said, err)
	}
}

func TestPreviewMail_OfAnUnknownKind_NamesThoseThereAre(t *testing.T) {
	err := PreviewMail(settings(t), MailPreview{Kind: "odd", Locale: "en"}, nil)
	if err == nil || !strings.Contains(err.Error(), "there are verify_account, account_verified, already_registered") {
		t.Error(err)
	}
}

func TestPreviewMail_InALanguageThatIsNotThere_SaysWhichItIsIn(t *testing.T) {
	for locale, want := range map[string]string{"ja": "en", "en-GB": "en", "pt-PT": "pt-BR", "zh-CN": "zh-Hans"} {
		var out strings.Builder
		err := PreviewMail(settings(t), MailPreview{Kind: "account_verified", Locale: locale}, &out)
		if _, head, _ := strings.Cut(out.String(), "\n"); err != nil || !strings.HasPrefix(head, "Content-Language: "+want+"\n\n") {
			t.Errorf("%s: %s, %v", locale, out.String(), err)
		}
	}
}

func TestPreviewMail_OfALocaleThatIsNoTag_IsNamed(t *testing.T) {
	for _, locale := range []string{"", "xx", "english", "de,en", "*", "not a tag"} {
		err := PreviewMail(settings(t), MailPreview{Kind: "account_verified", Locale: locale}, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("--locale %q: must be a language's tag (BCP 47), like pt-BR", locale)) {
			t.Errorf("%q: %v", locale, err)
		}
	}
}
