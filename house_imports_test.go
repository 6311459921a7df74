package trapline_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layout lists every package, from the bottom up, with the packages of this
// module that it may import. Arrows only go down: each names rows above its own.
// What tests import is their own affair.
var layout = []struct {
	pkg     string
	imports []string
}{
	{"sim/laws", nil},
	{"sim/memory", nil},
	{"sim/graph", []string{"sim/memory"}},
	{"sim", []string{"sim/memory", "sim/graph"}},
	{"sim/explore", []string{"sim", "sim/memory", "sim/graph"}},
	{"sim/trace", []string{"sim"}},
	{"sim/litmus", []string{"sim/memory"}},
	{"pagecache", []string{"sim"}},
	{"vm/x86", nil},
	{"vm", []string{"sim", "pagecache", "vm/x86"}},
	{"probes/uprobes/defects", nil},
	{"probes/uprobes/events", []string{"sim", "probes/uprobes/defects"}},
	{"probes/uprobes/insn", []string{"sim", "vm/x86", "probes/uprobes/defects"}},
	{"vm/linux", []string{"sim", "pagecache", "vm", "vm/x86"}},
	{"probes/uprobes/live", []string{"sim", "sim/trace", "pagecache", "vm", "vm/x86", "vm/linux", "probes/uprobes/defects", "probes/uprobes/events", "probes/uprobes/insn"}},
	{"probes/uprobes/conform", []string{"sim", "vm/linux", "vm/x86", "probes/uprobes/defects", "probes/uprobes/events", "probes/uprobes/insn", "probes/uprobes/live"}},
	{"probes", nil},
	{"probes/uprobes", []string{"sim", "pagecache", "vm", "probes"}},
	{"probes/kprobes", []string{"sim", "probes"}},
	{"markers", []string{"sim", "probes"}},
	{"scenarios/lifecycle", []string{"sim", "vm", "probes"}},
	{"scenarios/fuzz", []string{"sim", "sim/explore", "vm", "scenarios/lifecycle"}},
	{"scenarios/drawn", []string{"sim", "sim/explore", "vm", "probes", "scenarios/lifecycle", "scenarios/fuzz"}},
	{"scenarios/catalogue", []string{"sim", "sim/explore", "sim/memory", "vm", "probes"}},
	{"scenarios/contract", []string{"sim"}},
	{"scenarios/uprobes", []string{"sim", "pagecache", "vm", "vm/x86", "probes/uprobes", "probes/uprobes/defects", "probes/uprobes/insn", "scenarios/catalogue", "scenarios/contract", "scenarios/lifecycle"}},
	{"scenarios/kprobes", []string{"sim", "vm", "probes/kprobes", "scenarios/catalogue", "scenarios/contract", "scenarios/lifecycle"}},
	{"scenarios/markers", []string{"probes", "sim", "sim/memory", "vm", "markers", "scenarios/catalogue", "scenarios/contract", "scenarios/lifecycle"}},
	{"scenarios", []string{"probes", "scenarios/catalogue", "scenarios/lifecycle", "scenarios/uprobes", "scenarios/kprobes", "scenarios/markers"}},
	{"cmd/trapline", []string{"sim", "sim/explore", "sim/trace", "sim/memory", "sim/litmus", "vm", "vm/linux", "probes", "probes/uprobes/defects", "probes/uprobes/events", "probes/uprobes/live", "probes/uprobes/conform", "scenarios", "scenarios/lifecycle", "scenarios/fuzz"}},
}

// modules lists what we depend on, with the trees that may import it outside
// their tests.
var modules = []struct {
	path string
	in   []string
	why  string
}{
	{"github.com/google/btree", []string{"pagecache", "vm", "probes"}, "where Linux has a radix tree, an rbtree or a prio tree"},
	{"github.com/rogpeppe/go-internal", nil, "the tests of the command are its scripts"},
	{"github.com/spf13/cobra", []string{"cmd"}, "the command's subcommands, flags and completion"},
	{"golang.org/x/arch", []string{"vm", "probes/uprobes/conform"}, "the executor decodes instructions with it, and captures say which flags do not count"},
	{"golang.org/x/term", []string{"cmd"}, "the command asks whether it writes to a terminal"},
	{"golang.org/x/tools", []string{"cmd"}, "the tests of the house read the sources with it; the command reads txtar files"},
	{"pgregory.net/rapid", []string{"scenarios/drawn"}, "properties are tests"},
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		report(t, importComplaints(s))
	}
}

func TestLayoutPointsDown(t *testing.T) {
	for i, row := range layout {
		for _, p := range row.imports {
			if j := rowOf(p); j < 0 || j >= i {
				t.Errorf("layout: the row of %s names %s, which has no row above it; an arrow must point down", row.pkg, p)
			}
		}
	}
}

// An arrow that nobody follows says something of the packages that is not so.
func TestLayoutIsFollowed(t *testing.T) {
	followed := map[string]bool{}
	for _, s := range sources(t) {
		followed[s.pkg] = true
		for _, spec := range s.file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			followed[s.pkg+" "+strings.TrimPrefix(path, module+"/")] = true
		}
	}
	for _, row := range layout {
		if !followed[row.pkg] {
			t.Errorf("layout: there is no package %s; take its row away", row.pkg)
			continue
		}
		for _, p := range row.imports {
			if !followed[row.pkg+" "+p] {
				t.Errorf("layout: %s does not import %s; take it off its row", row.pkg, p)
			}
		}
	}
}

func TestImportRuleComplains(t *testing.T) {
	try(t, importComplaints, []planted{
		{"up", "sim/a.go", "package sim\n\nimport _ \"trapline/vm\"",
			"sim/a.go:3: sim imports trapline/vm"},
		{"down", "vm/a.go", "package vm\n\nimport _ \"trapline/sim\"", ""},
		{"sideways", "probes/kprobes/a.go", "package kprobes\n\nimport _ \"trapline/probes/uprobes\"",
			"probes/kprobes/a.go:3: probes/kprobes imports trapline/probes/uprobes"},
		{"to the shared part", "probes/kprobes/a.go", "package kprobes\n\nimport _ \"trapline/probes\"", ""},
		{"standard library", "sim/a.go", "package sim\n\nimport _ \"go/ast\"", ""},
		{"module elsewhere", "sim/a.go", "package sim\n\nimport _ \"github.com/google/btree\"",
			"sim/a.go:3: sim imports github.com/google/btree"},
		{"module where it belongs", "probes/uprobes/a.go", "package uprobes\n\nimport _ \"github.com/google/btree\"", ""},
		{"module of tests", "vm/a.go", "package vm\n\nimport _ \"pgregory.net/rapid\"",
			"vm/a.go:3: vm imports pgregory.net/rapid"},
		{"new module", "vm/a.go", "package vm\n\nimport _ \"example.org/zip\"",
			"vm/a.go:3: example.org/zip is new"},
		{"new package", "mm/a.go", "package mm",
			"mm/a.go:1: package mm is not in the layout"},
	})
}

// importComplaints holds the imports of a file against the two tables.
func importComplaints(s source) []string {
	row := rowOf(s.pkg)
	if row < 0 {
		return []string{s.complain(s.file, "package %s is not in the layout; give it a row in house_imports_test.go that says what it may import", s.pkg)}
	}
	var complaints []string
	for _, spec := range s.file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		switch {
		case within(path, module):
			if below := layout[row].imports; !slices.Contains(below, strings.TrimPrefix(path, module+"/")) {
				complaints = append(complaints, s.complain(spec, "%s imports %s; it may import %s: move what is shared down, or pass it in as an interface",
					s.pkg, path, list(below)))
			}
		case strings.Contains(strings.Split(path, "/")[0], "."):
			if c := moduleComplaint(s.pkg, path); c != "" {
				complaints = append(complaints, s.complain(spec, "%s", c))
			}
		}
	}
	return complaints
}

// moduleComplaint says what is wrong with an import from another module.
func moduleComplaint(pkg, path string) string {
	for _, m := range modules {
		if !within(path, m.path) {
			continue
		}
		for _, tree := range m.in {
			if within(pkg, tree) {
				return ""
			}
		}
		return pkg + " imports " + path + "; outside of tests only " + list(m.in) + " may: " + m.why
	}
	return path + " is new; give its module a row in house_imports_test.go that says who needs it and why"
}

// rowOf is the place of a package in the layout, -1 if it has none.
func rowOf(pkg string) int {
	for i, row := range layout {
		if row.pkg == pkg {
			return i
		}
	}
	return -1
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
