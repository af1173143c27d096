package locale

import (
	"fmt"
	"html/template"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	i18ntemplate "github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

// Rules:
//   - a message with a Count is said in the plural form that its language has for it (CLDR);
//   - messages are text: HTML gets its markup with the values, and every other value is escaped;
//   - a message that is unknown, and a placeholder without a value, are errors;
//   - the direction is that of the script.

// Language is one language of a catalogue.
type Language struct {
	// Tag is its BCP 47 tag.
	Tag string
	// Dir is the direction of its script, as HTML's dir wants it: ltr or rtl.
	Dir string
	// Name is what its own speakers call it: the message "language".
	Name string

	localizer *i18n.Localizer
}

func newLanguage(bundle *i18n.Bundle, tag language.Tag) (*Language, error) {
	l := &Language{Tag: tag.String(), Dir: Direction(tag), localizer: i18n.NewLocalizer(bundle, tag.String())}
	var err error
	l.Name, err = l.Text("language")
	return l, err
}

// Direction returns that of the script in which a language is written, as HTML's dir wants it.
func Direction(tag language.Tag) string {
	script, _ := tag.Script()
	switch script.String() {
	case "Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa":
		return "rtl"
	}
	return "ltr"
}

// placed fails where a placeholder has no value, instead of saying so to the reader.
var placed = &i18ntemplate.TextParser{Option: "missingkey=error"}

// Text says a message. After its id come the names of its placeholders, each with its value; Count is what is counted.
func (l *Language) Text(id string, pairs ...any) (string, error) {
	return l.say(id, pairs, func(value any) any { return value })
}

// HTML says a message as Text does. Values are escaped, unless they are HTML.
func (l *Language) HTML(id string, pairs ...any) (template.HTML, error) {
	said, err := l.say(id, pairs, func(value any) any {
		if html, ok := value.(template.HTML); ok {
			return html
		}
		return template.HTMLEscaper(value)
	})
	return template.HTML(said), err
}

func (l *Language) say(id string, pairs []any, shown func(any) any) (string, error) {
	config := &i18n.LocalizeConfig{MessageID: id, TemplateParser: placed}
	values := make(map[string]any)
	for i := 0; i+1 < len(pairs); i += 2 {
		name := fmt.Sprint(pairs[i])
		values[name] = shown(pairs[i+1])
		if name == "Count" {
			config.PluralCount = pairs[i+1]
		}
	}
	config.TemplateData = values
	said, err := l.localizer.Localize(config)
	if err != nil {
		return "", fmt.Errorf("say %s in %s: %w", id, l.Tag, err)
	}
	return said, nil
}

// Strong is a value that stands out, in HTML. It keeps its own direction.
func Strong(value string) template.HTML {
	return template.HTML(`<strong dir="auto">` + template.HTMLEscapeString(value) + `</strong>`)
}

// Funcs are what an html/template of the language may use: say, a message as HTML, and strong.
func (l *Language) Funcs() template.FuncMap {
	return template.FuncMap{"say": l.HTML, "strong": Strong}
}
