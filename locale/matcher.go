// Rule: who asks in order of preference gets the best language there is (RFC 4647, by CLDR's distances).

package locale

import "golang.org/x/text/language"

// Matcher chooses among languages. It may be used by several goroutines at once.
type Matcher struct{ matcher language.Matcher }

// NewMatcher chooses among tags, of which there must be one.
func NewMatcher(tags []language.Tag) Matcher { return Matcher{language.NewMatcher(tags)} }

// Match returns the place of the language that fits best, and whether one fits at all; where none does it is the first.
// Each preference is a BCP 47 tag or the value of an Accept-Language header, the first counts most; what is neither is
// passed over.
func (m Matcher) Match(preferences ...string) (place int, fits bool) {
	var wanted []language.Tag
	for _, preference := range preferences {
		tags, _, err := language.ParseAcceptLanguage(preference)
		if err == nil {
			wanted = append(wanted, tags...)
		}
	}
	_, place, confidence := m.matcher.Match(wanted...)
	return place, confidence > language.No
}
