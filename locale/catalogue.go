package locale

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Rules:
//   - English is always there, and what is matched where nothing fits;
//   - every language has every message of English, with the same placeholders, and every message can be said: a catalogue
//     in which that is not so is an error.

// Catalogue holds what can be said, in every language. It may be used by several goroutines at once.
type Catalogue struct {
	languages []*Language // English first
	matcher   Matcher
}

// Read reads every *.json of a folder. An error names the file, and the message at fault.
func Read(files fs.FS, folder string) (*Catalogue, error) {
	names, err := fs.Glob(files, path.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	bundle := i18n.NewBundle(language.English)
	var all []*i18n.MessageFile
	for _, name := range names {
		file, err := bundle.LoadMessageFileFS(files, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, file)
	}
	slices.SortStableFunc(all, func(a, b *i18n.MessageFile) int { return cmp.Compare(preference(a.Tag), preference(b.Tag)) })
	if len(all) == 0 || all[0].Tag != language.English {
		return nil, errors.New("no English")
	}
	var c Catalogue
	var tags []language.Tag
	for _, file := range all {
		if err := alike(all[0].Messages, file.Messages); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
		spoken, err := newLanguage(bundle, file.Tag)
		if err == nil {
			err = spoken.try(file.Messages)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
		c.languages = append(c.languages, spoken)
		tags = append(tags, file.Tag)
	}
	c.matcher = NewMatcher(tags)
	return &c, nil
}

// preference puts English first, the others stay in the order of their files.
func preference(tag language.Tag) int {
	if tag == language.English {
		return 0
	}
	return 1
}

// alike says where a language's messages are not those of English.
func alike(english, messages []*i18n.Message) error {
	want, have := placeholders(english), placeholders(messages)
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if fields, found := have[id]; !found {
			return fmt.Errorf("message %s is missing", id)
		} else if !slices.Equal(fields, want[id]) {
			return fmt.Errorf("message %s has placeholders %v, in English %v", id, fields, want[id])
		}
		delete(have, id)
	}
	for id := range have {
		return fmt.Errorf("message %s is unknown in English", id)
	}
	return nil
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

// placeholders returns those of each message, by its id, sorted. Those of a counted message are its general form's: its
// others may spell the number out.
func placeholders(messages []*i18n.Message) map[string][]string {
	all := make(map[string][]string)
	for _, m := range messages {
		var names []string
		for _, found := range placeholder.FindAllStringSubmatch(m.Other, -1) {
			names = append(names, found[1])
		}
		slices.Sort(names)
		all[m.ID] = slices.Compact(names)
	}
	return all
}

// try says every message once, in each of its plural forms.
func (l *Language) try(messages []*i18n.Message) error {
	for id, names := range placeholders(messages) {
		for _, count := range []int{0, 1, 2, 3, 11, 100} { // one of each form that languages have (CLDR), but of fractions and millions
			var pairs []any
			for _, name := range names {
				pairs = append(pairs, name, count)
			}
			if _, err := l.Text(id, pairs...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Languages returns all of them, English first.
func (c *Catalogue) Languages() []*Language { return slices.Clone(c.languages) }

// Match returns the language that fits best, and whether one fits at all, as Matcher.Match does; where none does it is
// English.
func (c *Catalogue) Match(preferences ...string) (best *Language, fits bool) {
	i, fits := c.matcher.Match(preferences...)
	return c.languages[i], fits
}
