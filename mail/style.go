// Rules of styles:
//   - mail programs heed style attributes and little else, so the rules of styles.css stand in the elements when they are sent;
//   - a rule is for one tag or one class: what else CSS has would mean something else there, and is refused, with file and line;
//   - an element has one class and one style attribute, in double quotes, and its classes are known at start.

package mail

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// stylesheet holds declarations by selector: a tag's name, or a class with its dot.
type stylesheet map[string]string

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	selectable = regexp.MustCompile(`^(?:[a-z][a-z0-9]*|\.[A-Za-z_-][\w-]*)$`)
	startTag   = regexp.MustCompile(`(?i)<([a-z][a-z0-9]*)(?:[\s{][^<>]*)?>`)
	attribute  = regexp.MustCompile(`(?i)(?:}\s*|\s)(?:class|style)\s*=\s*"?`)
	classes    = regexp.MustCompile(`\sclass="([^"]*)"`)
	ownStyle   = regexp.MustCompile(`\sstyle="`)
)

// styles reads styles.css.
func styles(file source) (stylesheet, error) {
	rules := make(stylesheet)
	css := cssComment.ReplaceAllStringFunc(file.text, func(comment string) string { return strings.Repeat("\n", strings.Count(comment, "\n")) })
	rest := css
	for {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		if rest == "" {
			return rules, nil
		}
		line := 1 + strings.Count(css[:len(css)-len(rest)], "\n")
		selector, after, _ := strings.Cut(rest, "{")
		declarations, next, ends := strings.Cut(after, "}")
		selector = strings.Join(strings.Fields(selector), " ")
		var err error
		switch {
		case !selectable.MatchString(selector):
			err = errors.New("must be one tag, like p, or one class, like .quiet: other rules stand in the <style> of layout.html")
		case !ends || strings.Contains(declarations, "{"):
			err = errors.New("its } is missing")
		case strings.Contains(declarations, `"`):
			err = errors.New("must quote with ', for its style stands in an attribute")
		case loads(declarations):
			err = errors.New("loads something: a mail loads, runs and sends nothing")
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %.40q: %w", file.name, line, selector, err)
		}
		rules[selector] = strings.Trim(rules[selector]+";"+strings.Join(strings.Fields(declarations), " "), "; ")
		rest = next
	}
}

// inline gives each element its rules: its tag's, then those of its classes in their order, then what it has itself.
// No line becomes two.
func (s stylesheet) inline(file source) (source, error) {
	for _, at := range startTag.FindAllStringIndex(file.text, -1) {
		if element := file.text[at[0]:at[1]]; !isRead(element) {
			return file, fmt.Errorf(`%s:%d: %.40q: an element's classes must be one class="…" and its style one style="…", without {{if}}`,
				file.name, 1+strings.Count(file.text[:at[0]], "\n"), element)
		}
	}
	file.text = startTag.ReplaceAllStringFunc(file.text, s.inElement)
	return file, nil
}

// isRead says whether an element's classes and its style are found.
func isRead(element string) bool {
	found := make(map[string]bool)
	for _, begun := range attribute.FindAllString(element, -1) {
		name := begun[1:]
		if begun[0] == '}' || name != `class="` && name != `style="` || found[name] {
			return false
		}
		found[name] = true
	}
	class := classes.FindStringSubmatch(element)
	return class == nil || !strings.Contains(class[1], "{{")
}

// inElement gives an element its rules.
func (s stylesheet) inElement(element string) string {
	selectors := []string{strings.ToLower(startTag.FindStringSubmatch(element)[1])}
	if class := classes.FindStringSubmatch(element); class != nil {
		for _, name := range strings.Fields(class[1]) {
			selectors = append(selectors, "."+name)
		}
	}
	var style []string
	for _, selector := range selectors {
		if declarations := s[selector]; declarations != "" {
			style = append(style, declarations)
		}
	}
	if style == nil {
		return element
	}
	if own := ownStyle.FindStringIndex(element); own != nil {
		return element[:own[1]] + strings.Join(style, ";") + ";" + element[own[1]:]
	}
	return strings.TrimSuffix(element, ">") + ` style="` + strings.Join(style, ";") + `">`
}
