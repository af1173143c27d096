// Rule: mail programs heed style attributes and little else, so the rules of styles.css stand in the elements when they are sent.

package mail

import (
	"regexp"
	"strings"
)

// stylesheet holds declarations by selector: a tag's name, or a class with its dot.
type stylesheet map[string]string

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssRule    = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	startTag   = regexp.MustCompile(`<([a-z][a-z0-9]*)((?:\s[^<>]*)?)>`)
	classes    = regexp.MustCompile(`\sclass="([^"]*)"`)
)

func styles(css string) stylesheet {
	rules := make(stylesheet)
	for _, rule := range cssRule.FindAllStringSubmatch(cssComment.ReplaceAllString(css, ""), -1) {
		rules[strings.TrimSpace(rule[1])] = strings.TrimRight(strings.Join(strings.Fields(rule[2]), " "), "; ")
	}
	return rules
}

// inline gives each element its rules: its tag's, then those of its classes in their order, then what it has itself.
// No line becomes two.
func (s stylesheet) inline(html string) string {
	return startTag.ReplaceAllStringFunc(html, func(element string) string {
		parts := startTag.FindStringSubmatch(element)
		selectors := []string{parts[1]}
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
		before, own, has := strings.Cut(element, ` style="`)
		if !has {
			return strings.TrimSuffix(element, ">") + ` style="` + strings.Join(style, ";") + `">`
		}
		return before + ` style="` + strings.Join(style, ";") + ";" + own
	})
}
