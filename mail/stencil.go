// Rules of a stencil:
//   - it is what a letter's templates write when certain values are there, with holes for these values: filling them takes
//     a twentieth of the time;
//   - it has no say in what a letter says: a letter has stencils only if its templates do nothing with the values but
//     write them and ask whether they are there, and if one that is filled turns out as if it were written;
//   - a value that would be escaped somewhere is never filled in: its letter is written.

package mail

import (
	"slices"
	"strings"
	"sync"
	"text/template/parse"
)

// values of a letter are those that differ from one mail to the next.
var values = [...]string{"FirstName", "Email", "Code", "Link", "Dispute", "Reference"}

// values are pointers to them, in the order of values.
func (f *fields) values() [len(values)]*string {
	return [...]*string{&f.FirstName, &f.Email, &f.Code, &f.Link, &f.Dispute, &f.Reference}
}

// mostMinutes bounds how many stencils a letter has.
const mostMinutes = 60

// stencils are those of a letter, by its fields with a mark in place of each value that is there.
type stencils struct {
	mu sync.RWMutex
	of map[fields]*stencil
}

// stencil is a letter with holes.
type stencil struct{ text, html holed }

// holed is a text between which values stand: values[0] after pieces[0], and so on.
type holed struct {
	pieces []string
	values []int
	size   int // about what it has when it is filled
}

func (h holed) fill(with [len(values)]*string) string {
	var b strings.Builder
	b.Grow(h.size)
	for i, piece := range h.pieces {
		b.WriteString(piece)
		if i < len(h.values) {
			b.WriteString(*with[h.values[i]])
		}
	}
	return b.String()
}

// marks stand for the values. They are no part of a letter, and nothing escapes them.
var marks = [len(values)]string{"zqxFirstNamexqz", "zqxEmailxqz", "zqxCodexqz", "zqxLinkxqz", "zqxDisputexqz", "zqxReferencexqz"}

// cut finds the marks.
func cut(text string) (h holed) {
	h.size = len(text) * 5 / 4
	for {
		first, at := -1, len(text)
		for i, mark := range marks {
			if found := strings.Index(text, mark); found >= 0 && found < at {
				first, at = i, found
			}
		}
		h.pieces = append(h.pieces, text[:at])
		if first < 0 {
			return h
		}
		h.values = append(h.values, first)
		text = text[at+len(marks[first]):]
	}
}

// unescaped holds whatever letters nothing escapes, in HTML, its attributes and addresses; web is how an address begins
// that is let through.
const (
	unescaped = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@#"
	web       = "https://"
)

// isUnescaped says whether a value may be filled in.
func isUnescaped(value string) bool {
	value = strings.TrimPrefix(value, web)
	for i := range len(value) {
		if strings.IndexByte(unescaped, value[i]) < 0 {
			return false
		}
	}
	return true
}

// filled is what write returns, from a stencil; false if there is none for such a letter.
func (l *letterTemplate) filled(f fields) (text, html string, ok bool) {
	if l.stencils == nil || f.Minutes < 0 || f.Minutes > mostMinutes {
		return "", "", false
	}
	marked := f
	for i, value := range marked.values() {
		if !isUnescaped(*value) {
			return "", "", false
		}
		if *value != "" {
			*value = marks[i]
		}
	}
	l.stencils.mu.RLock()
	of, known := l.stencils.of[marked]
	l.stencils.mu.RUnlock()
	if !known {
		of = l.stencil(marked)
		l.stencils.mu.Lock()
		l.stencils.of[marked] = of
		l.stencils.mu.Unlock()
	}
	if of == nil {
		return "", "", false
	}
	return of.text.fill(f.values()), of.html.fill(f.values()), true
}

// stencil makes the one of marked fields; nil where it would not be true.
func (l *letterTemplate) stencil(marked fields) *stencil {
	tried := marked
	for _, value := range tried.values() {
		if *value != "" {
			*value = web + unescaped
		}
	}
	text, html, err := l.execute(marked)
	if err != nil {
		return nil
	}
	s := &stencil{cut(text), cut(html)}
	text, html, err = l.execute(tried)
	if err != nil || s.text.fill(tried.values()) != text || s.html.fill(tried.values()) != html {
		return nil
	}
	return s
}

// newStencils returns an empty set for a letter that may have some. It must be called before the HTML is executed, which
// adds escapers to the templates.
func (l *letterTemplate) newStencils() *stencils {
	var trees []*parse.Tree
	for _, t := range l.text.Templates() {
		trees = append(trees, t.Tree)
	}
	for _, t := range l.html.Templates() {
		trees = append(trees, t.Tree)
	}
	for _, tree := range trees {
		if tree != nil && !plain(tree.Root) {
			return nil
		}
	}
	return &stencils{of: map[fields]*stencil{}}
}

// plain says whether a template does nothing with values but write them and ask whether they are there.
func plain(n parse.Node) bool {
	switch n := n.(type) {
	case *parse.ListNode:
		for _, inner := range n.Nodes {
			if !plain(inner) {
				return false
			}
		}
		return true
	case *parse.TextNode, *parse.CommentNode:
		return true
	case *parse.ActionNode:
		return len(n.Pipe.Decl) == 0 && (untouched(n.Pipe, "strong") || constant(n.Pipe))
	case *parse.IfNode:
		return (untouched(n.Pipe, "") || constant(n.Pipe)) && plain(n.List) && (n.ElseList == nil || plain(n.ElseList))
	case *parse.TemplateNode: // is given all fields, or nothing
		return n.Pipe == nil || n.Pipe.String() == "."
	}
	return false
}

// untouched says whether a pipe is a field alone, or what a function makes of one by writing around it.
func untouched(p *parse.PipeNode, around string) bool {
	if len(p.Cmds) != 1 || len(p.Decl) > 0 {
		return false
	}
	args := p.Cmds[0].Args
	if name, is := args[0].(*parse.IdentifierNode); is && around != "" && name.Ident == around {
		args = args[1:]
	}
	if len(args) != 1 {
		return false
	}
	field, is := args[0].(*parse.FieldNode)
	return is && len(field.Ident) == 1
}

// constant says whether a pipe has none of the values: whatever it does, it does the same for every mail of a stencil.
func constant(p *parse.PipeNode) bool {
	if len(p.Decl) > 0 {
		return false
	}
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			switch arg := arg.(type) {
			case *parse.FieldNode:
				if slices.Contains(values[:], arg.Ident[0]) {
					return false
				}
			case *parse.IdentifierNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
			default:
				return false
			}
		}
	}
	return true
}
