package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
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

func TestPreviewMail_WhereABrowserIs_OpensThePageInIt(t *testing.T) {
	opener := map[string]string{"linux": "xdg-open", "darwin": "open"}[runtime.GOOS]
	if opener == "" {
		t.Skip("no script can stand for what opens pages here")
	}
	t.Setenv("TMPDIR", t.TempDir())
	bin, opened := t.TempDir(), filepath.Join(t.TempDir(), "opened")
	script := "#!/bin/sh\nwhile read -r line; do echo \"$line\"; done <\"$1\" >" + opened + "\n" // with what a shell has itself
	if err := os.WriteFile(filepath.Join(bin, opener), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	var out strings.Builder
	if err := PreviewMail(settings(t), MailPreview{Kind: "account_verified", Locale: "de", Open: true}, &out); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(opened)
	if err != nil || !strings.Contains(string(page), "Ihr Konto ist bestätigt") {
		t.Errorf("opened %s, %v", page, err)
	}
	if name, said, _ := strings.Cut(out.String(), "\n"); !strings.HasSuffix(name, ".html") || said != "" {
		t.Errorf("said %s", out.String())
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
