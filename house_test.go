// Package trapline_test holds the rules of the house that neither the compiler
// nor a linter knows: who may import whom (house_imports_test.go), what would
// make simulated code depend on more than its schedule (house_steps_test.go),
// what is documented (house_docs_test.go) and what may lie in the repository
// (house_files_test.go). What the rules say is data at the top of each file.
//
// A rule is a function from source text to complaints. Every rule is also tried
// on planted sources, bad ones and good ones that look alike: a rule that cannot
// complain proves nothing.
package trapline_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "trapline"

// source is one file of the module that is not a test.
type source struct {
	path string // from the root of the module, with slashes
	pkg  string // the directory of path
	fset *token.FileSet
	file *ast.File
	info *types.Info
}

// complain says what is wrong at n, and then what to do instead.
func (s source) complain(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(n.Pos()).Line, fmt.Sprintf(format, args...))
}

// parse returns the module's sources for the platform that the tests run on,
// with types, in the order of their paths.
var parse = sync.OnceValues(func() ([]source, error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles |
			packages.NeedImports | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo,
	}, "./...")
	if err != nil {
		return nil, err
	}
	var all []source
	for _, p := range pkgs {
		for _, e := range p.Errors {
			return nil, e
		}
		for i, f := range p.Syntax {
			path, err := filepath.Rel(root, p.CompiledGoFiles[i])
			if err != nil {
				return nil, err
			}
			path = filepath.ToSlash(path)
			if strings.HasPrefix(path, "../") {
				continue // made by the go command, not by us
			}
			all = append(all, source{path, dir(path), p.Fset, f, p.TypesInfo})
		}
	}
	slices.SortFunc(all, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return all, nil
})

// sources are the files that a rule is to judge.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parse()
	if err != nil {
		t.Fatalf("the module does not load, so that nothing can be checked: %v", err)
	}
	if len(all) == 0 {
		t.Fatal("the module has no sources: run the tests from its root")
	}
	return all
}

// dir is the directory of a path, "." for the root.
func dir(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

// within reports whether path is the tree or lies in it: sync and sync/atomic
// are within sync, syncthing is not.
func within(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}

// report makes each complaint an error of its own.
func report(t *testing.T, complaints []string) {
	t.Helper()
	for _, c := range complaints {
		t.Error(c)
	}
}

// planted is a source made up to try a rule on, and the complaints it deserves:
// one a line, each up to where the advice begins.
type planted struct {
	name string
	path string
	text string
	want string
}

// try runs a rule on planted sources.
func try(t *testing.T, rule func(source) []string, cases []planted) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, rule(c.source(t)), c.want)
		})
	}
}

// expect wants exactly the given complaints, one a line, each with an advice
// after it.
func expect(t *testing.T, got []string, want string) {
	t.Helper()
	begins := func(complaint, begin string) bool { return strings.HasPrefix(complaint, begin+"; ") }
	if !slices.EqualFunc(got, strings.FieldsFunc(want, func(r rune) bool { return r == '\n' }), begins) {
		t.Errorf("complaints:\n%s\nwant those that begin with:\n%s", strings.Join(got, "\n"), want)
	}
}

// source parses the text and finds its types as far as that goes without
// looking at the packages it imports.
func (p planted) source(t *testing.T) source {
	t.Helper()
	s := source{path: p.path, pkg: dir(p.path), fset: token.NewFileSet()}
	var err error
	if s.file, err = parser.ParseFile(s.fset, p.path, p.text, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	s.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	lenient := types.Config{Error: func(error) {}}
	_, _ = lenient.Check(s.pkg, s.fset, []*ast.File{s.file}, s.info)
	return s
}
