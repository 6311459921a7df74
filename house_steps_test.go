package trapline_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// simulated lists the trees whose code runs on the machine, where the schedule
// decides everything, and hosted the parts of them that run outside of it.
var (
	simulated = []string{"sim", "pagecache", "vm", "probes", "markers", "scenarios"}
	hosted    = []string{"scenarios/drawn", "scenarios/fuzz", "sim/explore", "sim/laws", "sim/litmus", "sim/memory", "sim/trace"}
)

// banned lists the trees of the standard library that simulated code must not
// import, because what they return, or who runs next, is not in the schedule.
var banned = []struct{ path, instead string }{
	{"crypto/rand", "ask the strategy: k.Choose"},
	{"hash/maphash", "its seed differs between runs: hash by hand, as in sim/event.go"},
	{"log", "write to the trace: k.Note"},
	{"math/rand", "ask the strategy: k.Choose"},
	{"net", "there is nothing outside the machine"},
	{"os", "let the command read it and pass it in"},
	{"sync", "use the locks and words of package sim"},
	{"syscall", "errors of the kernel are in sim/errno.go"},
	{"time", "there is no clock: the order of steps is the time"},
	{"unsafe", "addresses differ between runs: use an index or a name"},
}

// exceptions lists the files that may import a banned package.
var exceptions = []struct{ path, imports, why string }{
	{"sim/ids.go", "sync", "several machines share the numbers of tasks and objects"},
	{"sim/ids.go", "sync/atomic", "and what they have learnt"},
	{"vm/image.go", "os", "reads the user's ELF file, on the host, before a machine runs"},
}

func TestSimulatedCodeHasOneDoorForChance(t *testing.T) {
	all := sources(t)
	for _, s := range all {
		if isSimulated(s.pkg) {
			report(t, stepComplaints(s))
		}
	}
	for _, e := range exceptions {
		if !slices.ContainsFunc(all, func(s source) bool { return s.path == e.path && imports(s, e.imports) }) {
			t.Errorf("%s:1: no longer imports %s; take it off the exceptions in house_steps_test.go", e.path, e.imports)
		}
	}
}

func TestStepRuleComplains(t *testing.T) {
	in := func(body string) string {
		return "package sim\n\ntype set map[int]int\n\nfunc f(m set) {\n" + body + "\n}"
	}
	try(t, stepComplaints, []planted{
		{"go", "sim/a.go", in("go f(m)"), "sim/a.go:6: go statement"},
		{"a name like go", "sim/a.go", in("m.Go(nil)"), ""},
		{"channel type", "sim/a.go", "package sim\n\ntype c chan int", "sim/a.go:3: channel type"},
		{"make of a channel", "sim/a.go", in("_ = make(chan int)"), "sim/a.go:6: channel type"},
		{"make of a slice", "sim/a.go", in("_ = make([]int, 1)"), ""},
		{"send", "sim/a.go", in("x.C <- 1"), "sim/a.go:6: send to a channel"},
		{"receive", "sim/a.go", in("<-x.C"), "sim/a.go:6: receive from a channel"},
		{"range over a channel", "sim/a.go", in("for range make(chan int) {}"), "sim/a.go:6: range over a channel\nsim/a.go:6: channel type"},
		{"less than minus", "sim/a.go", in("_ = m[0] < -m[1]"), ""},
		{"select", "sim/a.go", in("select {}"), "sim/a.go:6: select statement"},
		{"range over a map", "sim/a.go", in("for range m {}"), "sim/a.go:6: range over a map"},
		{"range over a slice", "sim/a.go", in("for range []int{m[0]} {}"), ""},
		{"range over a generic map", "sim/a.go", "package sim\n\nfunc f[M ~map[int]V, V any](m M) {\n\tfor range m {}\n}",
			"sim/a.go:4: range over a map"},
		{"range over a generic slice", "sim/a.go", "package sim\n\nfunc f[S ~[]V, V any](s S) {\n\tfor range s {}\n}", ""},
		{"range over keys", "sim/a.go", "package sim\n\nimport \"maps\"\n\nfunc f(m map[int]int) {\n\tfor range maps.Keys(m) {}\n}",
			"sim/a.go:6: maps.Keys in the order of the map"},
		{"range over sorted keys", "sim/a.go", "package sim\n\nimport (\n\"maps\"\n\"slices\"\n)\n\nfunc f(m map[int]int) {\n\tfor range slices.Sorted(maps.Keys(m)) {}\n}", ""},
		{"range over values", "sim/a.go", "package sim\n\nimport \"maps\"\n\nfunc f(m map[int]int) {\n\tfor range maps.Values(m) {}\n}",
			"sim/a.go:6: maps.Values in the order of the map"},
		{"range over sorted values", "sim/a.go", "package sim\n\nimport (\n\"maps\"\n\"slices\"\n)\n\nfunc f(m map[int]int) {\n\tfor range slices.SortedFunc(maps.Values(m), nil) {}\n}", ""},
		{"copy of a map", "sim/a.go", "package sim\n\nimport \"maps\"\n\nfunc f(m map[int]int) { _ = maps.Clone(m) }", ""},
		{"address", "sim/a.go", in("k.Note(\"at %-8p\", m)"), "sim/a.go:6: %p prints an address"},
		{"percent sign before a p", "sim/a.go", in("k.Note(`50%%p, %s page`, m)"), ""},
		{"tree of a banned package", "vm/a.go", "package vm\n\nimport \"sync/atomic\"", "vm/a.go:3: imports sync/atomic"},
		{"harmless package", "vm/a.go", "package vm\n\nimport \"math/bits\"", ""},
		{"coroutines", "sim/a.go", "package sim\n\nimport \"iter\"", ""},
		{"exception", "vm/image.go", "package vm\n\nimport \"os\"", ""},
		{"exception of another file", "vm/a.go", "package vm\n\nimport \"os\"", "vm/a.go:3: imports os"},
		{"other package than the exception's", "vm/image.go", "package vm\n\nimport \"time\"", "vm/image.go:3: imports time"},
	})
	for _, b := range banned {
		try(t, stepComplaints, []planted{{b.path, "vm/a.go", "package vm\n\nimport _ \"" + b.path + "\"", "vm/a.go:3: imports " + b.path}})
	}
	for pkg, want := range map[string]bool{
		"sim": true, "sim/explore": false, "sim/trace": false, "vm/x86": true,
		"probes/uprobes": true, "cmd/trapline": false, "simple": false,
	} {
		if got := isSimulated(pkg); got != want {
			t.Errorf("isSimulated(%q) = %v", pkg, got)
		}
	}
}

func isSimulated(pkg string) bool {
	in := func(tree string) bool { return within(pkg, tree) }
	return slices.ContainsFunc(simulated, in) && !slices.ContainsFunc(hosted, in)
}

// stepComplaints finds what would make a run depend on more than its schedule.
func stepComplaints(s source) []string {
	complaints := bannedComplaints(s)
	complain := func(n ast.Node, format string, args ...any) {
		complaints = append(complaints, s.complain(n, format, args...))
	}
	sorted := map[ast.Expr]bool{}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			complain(n, "go statement; make a task with m.Go")
		case *ast.ChanType:
			complain(n, "channel type; use a sim.WaitQueue or a sim.Completion")
		case *ast.SendStmt:
			complain(n, "send to a channel; use a sim.WaitQueue or a sim.Completion")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				complain(n, "receive from a channel; use a sim.WaitQueue or a sim.Completion")
			}
		case *ast.SelectStmt:
			complain(n, "select statement; use a sim.WaitQueue, or k.Choose where chance is meant")
		case *ast.RangeStmt:
			switch t := s.info.TypeOf(n.X); {
			case ranges[*types.Map](t):
				complain(n, "range over a map; keep a slice or a btree, or range over slices.Sorted(maps.Keys(m))")
			case ranges[*types.Chan](t):
				complain(n, "range over a channel; use a sim.WaitQueue or a sim.Completion")
			}
		case *ast.CallExpr:
			switch s.qualified(n.Fun) {
			case "slices.Sorted", "slices.SortedFunc":
				sorted[n.Args[0]] = true
			case "maps.Keys", "maps.Values", "maps.All", "maps.DeleteFunc":
				if !sorted[n] {
					complain(n, "%s in the order of the map; pass it to slices.Sorted or slices.SortedFunc, or keep a slice or a btree", s.qualified(n.Fun))
				}
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && address.MatchString(strings.ReplaceAll(n.Value, "%%", "")) {
				complain(n, "%%p prints an address; print a name or a number that the machine gave out")
			}
		}
		return true
	})
	return complaints
}

// address matches the verb %p with its flags, width and argument index.
var address = regexp.MustCompile(`%[-+# 0-9*.\[\]]*p`)

// bannedComplaints holds the imports of a file against the banned packages.
func bannedComplaints(s source) []string {
	var complaints []string
	for _, spec := range s.file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		for _, b := range banned {
			if within(path, b.path) && !excepted(s.path, path) {
				complaints = append(complaints, s.complain(spec, "imports %s; %s", path, b.instead))
			}
		}
	}
	return complaints
}

func excepted(path, imported string) bool {
	for _, e := range exceptions {
		if e.path == path && e.imports == imported {
			return true
		}
	}
	return false
}

func imports(s source, path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool {
		return spec.Path.Value == strconv.Quote(path)
	})
}

// qualified is the name of a function of another package, as in slices.Sorted,
// with the import path for the package; it is empty for all else.
func (s source) qualified(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.IndexExpr: // instantiated
		return s.qualified(f.X)
	case *ast.IndexListExpr:
		return s.qualified(f.X)
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			if p, ok := s.info.Uses[x].(*types.PkgName); ok {
				return p.Imported().Path() + "." + f.Sel.Name
			}
		}
	}
	return ""
}

// ranges reports whether a value of type t is, or may be if t is a type
// parameter, of the kind K.
func ranges[K types.Type](t types.Type) bool {
	if t == nil {
		return false
	}
	t = t.Underlying() // of a type parameter, the constraint
	if _, ok := t.(K); ok {
		return true
	}
	switch u := t.(type) {
	case *types.Interface:
		for e := range u.EmbeddedTypes() {
			if ranges[K](e) {
				return true
			}
		}
	case *types.Union:
		for term := range u.Terms() {
			if ranges[K](term.Type()) {
				return true
			}
		}
	}
	return false
}
