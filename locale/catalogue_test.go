package locale_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"countersign/locale"
)

// folder makes message files of pairs of a name and what stands in it.
func folder(pairs ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		files["words/"+pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return files
}

const (
	english = `{"language": "English", "tries": {"one": "One try left.", "other": "{{.Count}} tries left."}, "mail": {"sent": "Sent to {{.Email}}."}}`
	german  = `{"language": "Deutsch", "tries": {"one": "Noch ein Versuch.", "other": "Noch {{.Count}} Versuche."}, "mail": {"sent": "An {{.Email}} gesendet."}}`
	chinese = `{"language": "简体中文", "tries": {"other": "还有 {{.Count}} 次。"}, "mail": {"sent": "已发送至 {{.Email}}。"}}`
	arabic  = `{"language": "العربية", "tries": {"zero": "لا محاولات", "one": "محاولة واحدة", "two": "محاولتان", "few": "{{.Count}} محاولات", "many": "{{.Count}} محاولة", "other": "{{.Count}} محاولة"}, "mail": {"sent": "أُرسل إلى {{.Email}}."}}`
)

func read(t *testing.T) *locale.Catalogue {
	t.Helper()
	c, err := locale.Read(folder("ar.json", arabic, "de.json", german, "en.json", english, "zh-Hans.json", chinese), "words")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRead_EnglishComesFirst(t *testing.T) {
	var tags []string
	for _, l := range read(t).Languages() {
		tags = append(tags, l.Tag)
	}
	if got := strings.Join(tags, " "); got != "en ar de zh-Hans" {
		t.Errorf("got %s", got)
	}
}

func TestRead_WhatIsNotAsInEnglish_IsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		german string
		want   string
	}{
		"a message too few":    {`{"language": "Deutsch", "mail": {"sent": "{{.Email}}"}}`, "de.json: message tries is missing"},
		"a message too many":   {strings.Replace(german, "{", `{"odd": "x", `, 1), "de.json: message odd is unknown"},
		"another placeholder":  {strings.Replace(german, ".Email", ".Mail", 1), "de.json: message mail.sent has placeholders [Mail], in English [Email]"},
		"no JSON":              {`{`, "de.json"},
		"a message of a mix":   {strings.Replace(german, `"one"`, `"ein"`, 1), "de.json"},
		"no name for its own":  {strings.Replace(german, "language", "tongue", 1), "de.json: message language is missing"},
		"a broken placeholder": {strings.Replace(german, "gesendet", "{{", 1), "de.json: say mail.sent in de"},
		"a plural form's own":  {strings.Replace(german, "ein Versuch", "{{.Many}}", 1), "de.json: say tries in de"},
		"a form too few":       {strings.Replace(german, `"one": "Noch ein Versuch.", `, "", 1), "de.json: say tries in de"},
	} {
		if _, err := locale.Read(folder("en.json", english, "de.json", c.german), "words"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := locale.Read(folder("de.json", german), "words"); err == nil || !strings.Contains(err.Error(), "no English") {
		t.Errorf("without English: %v", err)
	}
}

func TestMatch_PreferencesInTheirOrder_GetTheBestThereIs(t *testing.T) {
	c := read(t)
	for _, m := range []struct {
		preferences []string
		want        string
		fits        bool
	}{
		{nil, "en", false},
		{[]string{""}, "en", false},
		{[]string{"ja"}, "en", false},
		{[]string{"*"}, "en", false},
		{[]string{"en-GB"}, "en", true},
		{[]string{"de"}, "de", true},
		{[]string{"de-CH-1996"}, "de", true},
		{[]string{"zh-CN"}, "zh-Hans", true},
		{[]string{"zh"}, "zh-Hans", true},
		{[]string{"ar-EG"}, "ar", true},
		{[]string{"de", "zh-Hans"}, "de", true},
		{[]string{"", "fr;q=0.9, de;q=0.8"}, "de", true},
		{[]string{"ja, en;q=0.5, de;q=0.7"}, "de", true},
		{[]string{"de;q=0, en"}, "en", true},
		{[]string{"not a tag", "de"}, "de", true},
		{[]string{strings.Repeat("de-", 5000), "de"}, "de", true},
	} {
		if best, fits := c.Match(m.preferences...); best.Tag != m.want || fits != m.fits {
			t.Errorf("%.40v: got %s, %t", m.preferences, best.Tag, fits)
		}
	}
}
