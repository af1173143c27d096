package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// What is changed, one thing a mutant:
//   - a condition, also of a case, is always or never so;
//   - a comparison takes in its bound, leaves it out, or is turned round; and becomes or, one operator its opposite;
//   - a whole number is one more, or one less; true is false; min is max;
//   - a statement is not there, an assignment leaves one of its variables, a literal one of its fields; a loop has no rounds;
//   - one of the values returned is none.
//
// Texts stay as they are: names on the wire have a test of their own, and errors are read by people.

// mutant is a file with one change.
type mutant struct {
	file     string
	source   []byte // of the whole file
	from, to int    // the bytes of it that the change replaces
	with     string

	function  string // around it; outside of any: "-", and the rest is not set
	body, end int    // its braces
	results   bool
}

// mutated is the source of the file with the change.
func (m mutant) mutated() []byte {
	return slices.Concat(m.source[:m.from], []byte(m.with), m.source[m.to:])
}

// String shows the lines that change, as they were and as they are.
func (m mutant) String() string {
	begin := strings.LastIndexByte(string(m.source[:m.from]), '\n') + 1
	end := len(m.source)
	if rest := strings.IndexByte(string(m.source[m.to:]), '\n'); rest >= 0 {
		end = m.to + rest
	}
	was := oneLine(string(m.source[begin:end]))
	is := oneLine(string(m.source[begin:m.from]) + m.with + string(m.source[m.to:end]))
	return fmt.Sprintf("%s %s: %s → %s", m.file, m.function, was, cmp.Or(is, "nothing"))
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// opposites are the operators that stand for another.
var opposites = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR}, token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.AND: {token.OR}, token.OR: {token.AND}, token.XOR: {token.AND}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
	token.INC: {token.DEC}, token.DEC: {token.INC}, token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
}

// words are those that stand for another.
var words = map[string]string{"true": "false", "false": "true", "min": "max", "max": "min"}

// surgeon makes the mutants of one file.
type surgeon struct {
	name   string
	source []byte
	file   *token.File
	within *ast.FuncDecl // nil: not within a function
	made   []mutant
}

// mutate returns every mutant of a file, in the order of the source. Some of them may not compile.
func mutate(name string, source []byte) ([]mutant, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	s := &surgeon{name: name, source: source, file: files.File(tree.FileStart)}
	for _, d := range tree.Decls {
		s.within, _ = d.(*ast.FuncDecl)
		if s.within != nil {
			s.returned(s.within.Type, s.within.Body)
		}
		ast.Inspect(d, s.visit)
	}
	slices.SortStableFunc(s.made, func(a, b mutant) int { return cmp.Compare(a.from, b.from) })
	return s.made, nil
}

func (s *surgeon) at(p token.Pos) int { return s.file.Offset(p) }

func (s *surgeon) text(n ast.Node) string { return string(s.source[s.at(n.Pos()):s.at(n.End())]) }

// replace makes a mutant that has other text from one place to another.
func (s *surgeon) replace(from, to token.Pos, with string) {
	m := mutant{file: s.name, source: s.source, from: s.at(from), to: s.at(to), with: with, function: "-"}
	if f := s.within; f != nil && from > f.Body.Lbrace {
		m.function, m.body, m.end, m.results = f.Name.Name, s.at(f.Body.Lbrace), s.at(f.Body.Rbrace), f.Type.Results != nil
	}
	s.made = append(s.made, m)
}

// remove makes one without a member of a list, and without the comma behind it.
func (s *surgeon) remove(n ast.Node) {
	end := n.End()
	if rest := string(s.source[s.at(end):]); strings.HasPrefix(rest, ",") {
		end++
	}
	s.replace(n.Pos(), end, "")
}

func (s *surgeon) operator(at token.Pos, op token.Token) {
	for _, other := range opposites[op] {
		s.replace(at, at+token.Pos(len(op.String())), other.String())
	}
}

// always makes two of a condition: it is always so, and never.
func (s *surgeon) always(condition ast.Expr) {
	text := s.text(condition)
	s.replace(condition.Pos(), condition.End(), "("+text+") || true")
	s.replace(condition.Pos(), condition.End(), "("+text+") && false")
}

func (s *surgeon) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		s.always(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			s.replace(n.Cond.Pos(), n.Cond.End(), "("+s.text(n.Cond)+") && false")
		}
	case *ast.RangeStmt:
		s.replace(n.Body.Lbrace, n.Body.Lbrace+1, "{ break;")
	case *ast.SwitchStmt:
		for _, c := range n.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				if n.Tag == nil {
					s.always(e)
				}
			}
		}
	case *ast.BinaryExpr:
		s.operator(n.OpPos, n.Op)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			s.replace(n.OpPos, n.OpPos+1, "")
		}
	case *ast.BasicLit:
		if value, err := strconv.ParseInt(n.Value, 0, 64); err == nil && n.Kind == token.INT {
			s.replace(n.Pos(), n.End(), strconv.FormatInt(value+1, 10))
			s.replace(n.Pos(), n.End(), strconv.FormatInt(value-1, 10))
		}
	case *ast.Ident:
		if other, ok := words[n.Name]; ok {
			s.replace(n.Pos(), n.End(), other)
		}
	case *ast.CompositeLit:
		for _, e := range n.Elts {
			s.remove(e)
		}
	case *ast.IncDecStmt:
		s.replace(n.Pos(), n.End(), "")
		s.operator(n.TokPos, n.Tok)
	case *ast.ExprStmt:
		if call, ok := n.X.(*ast.CallExpr); !ok || s.text(call.Fun) != "panic" { // what cannot be is no rule
			s.replace(n.Pos(), n.End(), "")
		}
	case *ast.BranchStmt:
		s.replace(n.Pos(), n.End(), "")
	case *ast.AssignStmt:
		s.assigned(n)
	case *ast.FuncLit:
		s.returned(n.Type, n.Body)
	case *ast.GenDecl:
		return n.Tok != token.IMPORT
	}
	return true
}

// assigned leaves out each variable of an assignment.
func (s *surgeon) assigned(n *ast.AssignStmt) {
	s.operator(n.TokPos, n.Tok)
	switch {
	case n.Tok == token.DEFINE:
	case len(n.Lhs) == 1:
		s.replace(n.Pos(), n.End(), "")
	default:
		for _, variable := range n.Lhs {
			s.replace(variable.Pos(), variable.End(), "_")
		}
	}
}

// returned makes each value that a function returns none, and each statement that only returns do nothing.
func (s *surgeon) returned(f *ast.FuncType, body *ast.BlockStmt) {
	var types []string
	if f.Results != nil {
		for _, field := range f.Results.List {
			for range max(1, len(field.Names)) {
				types = append(types, s.text(field.Type))
			}
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // it returns values of its own
		case *ast.ReturnStmt:
			if len(n.Results) == 0 {
				s.replace(n.Pos(), n.End(), "")
			}
			for i, value := range n.Results {
				switch text := s.text(value); {
				case len(types) != len(n.Results), text == "nil", text == `""`, words[text] != "", text == types[i]+"{}":
				case types[i] == "bool":
					s.replace(value.Pos(), value.End(), "!("+text+")")
				default:
					s.replace(value.Pos(), value.End(), "*new("+types[i]+")")
				}
			}
		}
		return true
	})
}
