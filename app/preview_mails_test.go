package app

import (
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
	if got := show(MailPreview{Kind: "verify_account", Locale: "pt-BR"}); !strings.HasPrefix(got, "Subject: Confirme sua conta\n\n123456 é seu código Countersign.\n") {
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
	err := PreviewMail(settings(t), MailPreview{Kind: "odd"}, nil)
	if err == nil || !strings.Contains(err.Error(), "there are verify_account, account_verified, already_registered") {
		t.Error(err)
	}
}
