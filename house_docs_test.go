package trapline_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// selfEvident lists methods whose meaning the standard library has fixed.
var selfEvident = []string{"Error", "String", "Unwrap"}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		report(t, docComplaints(s))
	}
}

func TestDocRuleComplains(t *testing.T) {
	try(t, docComplaints, []planted{
		{"function without", "sim/a.go", "package sim\n\nfunc Run() {}",
			"sim/a.go:3: Run has no doc comment"},
		{"function with", "sim/a.go", "package sim\n\n// Run runs.\nfunc Run() {}", ""},
		{"other beginning", "sim/a.go", "package sim\n\n// Runs it.\nfunc Run() {}",
			"sim/a.go:4: the doc comment of Run begins with other words"},
		{"unexported function", "sim/a.go", "package sim\n\nfunc run() {}", ""},
		{"method without", "sim/a.go", "package sim\n\nfunc (c *Cell[T]) Get() {}",
			"sim/a.go:3: Get has no doc comment"},
		{"method of an unexported type", "sim/a.go", "package sim\n\nfunc (c *cell) Get() {}", ""},
		{"self-evident method", "sim/a.go", "package sim\n\nfunc (c Cell) String() string { return \"\" }", ""},
		{"self-evident name of a function", "sim/a.go", "package sim\n\nfunc String() string { return \"\" }",
			"sim/a.go:3: String has no doc comment"},
		{"type without", "sim/a.go", "package sim\n\ntype Word int",
			"sim/a.go:3: Word has no doc comment"},
		{"type with an article", "sim/a.go", "package sim\n\n// A Word is shared.\ntype Word int", ""},
		{"type with an article only", "sim/a.go", "package sim\n\n// A word is shared.\ntype Word int",
			"sim/a.go:4: the doc comment of Word begins with other words"},
		{"variable without", "sim/a.go", "package sim\n\nvar Max = 1",
			"sim/a.go:3: Max has no doc comment"},
		{"variable with an end-of-line comment only", "sim/a.go", "package sim\n\nvar Max = 1 // the most",
			"sim/a.go:3: Max has no doc comment"},
		{"block without", "sim/a.go", "package sim\n\nconst (\n\t// Read reads.\n\tRead = 1\n\tWrite = 2\n)",
			"sim/a.go:6: Write has no doc comment"},
		{"block with one for all", "sim/a.go", "package sim\n\n// The modes.\nconst (\n\tRead = 1\n\tWrite = 2\n)", ""},
		{"block with one for each", "sim/a.go", "package sim\n\nconst (\n\t// Read reads.\n\tRead = 1\n\tWrite = 2 // writes\n\tadd = 3\n)", ""},
	})
}

// docComplaints finds exported names without a doc comment that begins with
// the name. One comment is enough for a block of constants or variables.
func docComplaints(s source) []string {
	var complaints []string
	check := func(name *ast.Ident, doc *ast.CommentGroup) {
		switch {
		case !name.IsExported():
		case doc.Text() == "":
			complaints = append(complaints, s.complain(name, "%s has no doc comment; say what it is for: // %s ...", name.Name, name.Name))
		case !beginsWith(doc.Text(), name.Name):
			complaints = append(complaints, s.complain(name, "the doc comment of %s begins with other words; begin it: // %s ...", name.Name, name.Name))
		}
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if !hidden(d) {
				check(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			block := d.Lparen.IsValid()
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if doc := spec.Doc; block {
						check(spec.Name, doc)
					} else {
						check(spec.Name, d.Doc)
					}
				case *ast.ValueSpec:
					switch {
					case d.Tok != token.CONST && d.Tok != token.VAR:
					case !block:
						check(spec.Names[0], d.Doc)
					case d.Doc == nil && spec.Comment == nil:
						check(spec.Names[0], spec.Doc)
					}
				}
			}
		}
	}
	return complaints
}

// hidden reports whether a function needs no comment: a method that readers of
// the documentation do not see, or one that they know.
func hidden(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	if slices.Contains(selfEvident, d.Name.Name) {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return !r.IsExported()
		default:
			return false
		}
	}
}

// beginsWith reports whether the first word of a comment, after an article, is
// the name.
func beginsWith(doc, name string) bool {
	for _, article := range []string{"", "A ", "An ", "The "} {
		if rest, ok := strings.CutPrefix(doc, article+name); ok {
			r, _ := utf8.DecodeRuneInString(rest)
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
		}
	}
	return false
}
