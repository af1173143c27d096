// Rules of a stencil:
//   - it is what a letter's templates write when certain values are there, as it leaves, with holes for these values: only
//     the lines that have some are made for a mail;
//   - it has no say in what a letter says: a letter has stencils only if its templates do nothing with the values but
//     write them and ask whether they are there, and if one that is filled turns out as if it were written;
//   - a value that would be escaped somewhere is never filled in: its letter is written.

package mail

import (
	"bytes"
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

// stencil is a letter's text and HTML as they leave, with holes.
type stencil struct{ text, html printed }

// printed is a part of a letter.
type printed struct {
	stretches []stretch
	wraps     bool // its lines are wrapped
}

// stretch is lines that are alike in all letters, quoted-printable already, and the line that follows: values stand between
// its pieces, values[0] after pieces[0], and so on. It has no pieces at the end of a part.
type stretch struct {
	alike  string
	pieces []string
	values []int
}

// filled is the part with values.
func (p printed) filled(with [len(values)]*string) part {
	return func(b *bytes.Buffer) { p.write(b, with) }
}

func (p printed) write(b *bytes.Buffer, with [len(values)]*string) {
	line := make([]byte, 0, 1<<10)
	for _, s := range p.stretches {
		b.WriteString(s.alike)
		line = line[:0]
		for i, piece := range s.pieces {
			line = append(line, piece...)
			if i < len(s.values) {
				line = append(line, *with[s.values[i]]...)
			}
		}
		p.writeLines(b, string(line))
	}
}

// writeLines writes lines that are the letter's.
func (p printed) writeLines(b *bytes.Buffer, lines string) {
	if p.wraps {
		lines = wrap(lines)
	}
	writeQuoted(b, lines)
}

// marks stand for the values. They are no part of a letter, and nothing escapes them.
var marks = [len(values)]string{"zqxFirstNamexqz", "zqxEmailxqz", "zqxCodexqz", "zqxLinkxqz", "zqxDisputexqz", "zqxReferencexqz"}

// printOf makes the part of a text in which marks stand for the values.
func printOf(text string, wraps bool) printed {
	p := printed{wraps: wraps}
	var alike bytes.Buffer
	for line := range strings.Lines(text) {
		s := cut(line)
		if len(s.values) == 0 {
			p.writeLines(&alike, line)
			continue
		}
		s.alike = alike.String()
		alike.Reset()
		p.stretches = append(p.stretches, s)
	}
	p.stretches = append(p.stretches, stretch{alike: alike.String()})
	return p
}

// cut finds the marks in a line.
func cut(line string) (s stretch) {
	for {
		first, at := -1, len(line)
		for i, mark := range marks {
			if found := strings.Index(line, mark); found >= 0 && found < at {
				first, at = i, found
			}
		}
		s.pieces = append(s.pieces, line[:at])
		if first < 0 {
			return s
		}
		s.values = append(s.values, first)
		line = line[at+len(marks[first]):]
	}
}

// unescaped holds whatever letters nothing escapes, in HTML, its attributes and addresses; web is how an address begins
// that is let through.
const (
	unescaped = alphanumeric + "-._~/@#"
	web       = "https://"
)

var unescapedBytes = newByteSet(unescaped)

// isUnescaped says whether a value may be filled in.
func isUnescaped(value string) bool {
	value = strings.TrimPrefix(value, web)
	return unescapedBytes.hold(value)
}

// stencil returns that of a letter with such fields; nil if there is none.
func (l *letterTemplate) stencil(f fields) *stencil {
	if l.stencils == nil || f.Minutes < 0 || f.Minutes > mostMinutes {
		return nil
	}
	for i, value := range f.values() {
		if !isUnescaped(*value) {
			return nil
		}
		if *value != "" {
			*value = marks[i]
		}
	}
	l.stencils.mu.RLock()
	of, known := l.stencils.of[f]
	l.stencils.mu.RUnlock()
	if !known {
		of = l.newStencil(f)
		l.stencils.mu.Lock()
		l.stencils.of[f] = of
		l.stencils.mu.Unlock()
	}
	return of
}

// newStencil makes the one of marked fields; nil where it would not be true.
func (l *letterTemplate) newStencil(marked fields) *stencil {
	tried := marked
	for _, value := range tried.values() {
		if *value != "" {
			*value = web + unescaped
		}
	}
	text, html, err := l.execute(marked, "layout", "layout")
	if err != nil {
		return nil
	}
	s := &stencil{printOf(text, true), printOf(html, false)}
	text, html, err = l.write(tried)
	if err != nil {
		return nil
	}
	var filled, written bytes.Buffer
	s.text.write(&filled, tried.values())
	s.html.write(&filled, tried.values())
	writeQuoted(&written, text)
	writeQuoted(&written, html)
	if filled.String() != written.String() {
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
