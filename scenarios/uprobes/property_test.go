package uprobes

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"trapline/probes/uprobes"
	"trapline/scenarios/drawn"
	"trapline/scenarios/fuzz"
	"trapline/scenarios/lifecycle"
	"trapline/sim/laws"
	"trapline/vm"
)

func TestMain(m *testing.M) { laws.Main(m) }

// TestProperty holds every design to what it is known for: programs that are drawn find
// nothing else.
//
// The longer run is: go test ./scenarios/uprobes -run Property -rapid.checks=20000
func TestProperty(t *testing.T) { drawn.HoldAll(t, Subjects(), 100) }

// TestPropertyPosted shows that the property can fail: on the designs as posted
// it does, and shrinks to a short story. The other rules that they break, which
// the scenarios are about, do not count here.
func TestPropertyPosted(t *testing.T) {
	for _, d := range []*uprobes.Design{uprobes.ReadpageHook, uprobes.ReadpageHookWait} {
		t.Run(d.Name, func(t *testing.T) {
			s := drawn.Of(t, Subjects(), &d.Design)
			var last *lifecycle.Case
			title := ""
			defer drawn.More(5000)()
			failed := capture(t, func(t *rapid.T) {
				c := drawn.Case(t, Language)
				if v, _ := fuzz.Run(s, c, vm.DefaultImage()); v != nil && v.Kind == WrongBytes {
					last, title = c, v.Title
					t.Fatal("found")
				}
			})
			if !failed {
				t.Fatal("the property holds")
			}
			small, err := fuzz.Minimise(context.Background(), s, last, title, vm.DefaultImage())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v\n%vschedule: %v", title, small.Program, small.Finding.Schedule)
			if n := small.Program.Operations(); n > 6 {
				t.Errorf("shrunk to %d operations", n)
			}
			if n := small.Finding.Preemptions; n > 3 {
				t.Errorf("shrunk to %d preemptions", n)
			}
		})
	}
}

// TestEverythingIsDrawn holds the language to what a program can do, and the draw to
// leaving nothing of it out.
func TestEverythingIsDrawn(t *testing.T) {
	const added = "a consumer added to another, and removed"
	want := []string{
		"register", "unregister", "mmap", "munmap", "mremap", "mprotect", "fork", "exec", "exit", "fault",
		"execute", "truncate", "write", "reclaim", "signal", "io-errors", added,
	}
	for _, v := range lifeVerbs {
		want = append(want, v.Name)
	}
	seen := map[string]bool{}
	r := rand.New(rand.NewPCG(2006, 0))
	for range 200 {
		c := Language.Draw(func(_ string, n int) int { return r.IntN(n) })
		seen["io-errors"] = seen["io-errors"] || c.Program.Knob("io-errors") > 0
		users := [2]map[int]bool{{}, {}}
		for i, ops := range c.Program.Tasks {
			for _, op := range ops {
				name := lifeVerbs[op.Verb].Name
				seen[name] = true
				if name == "register" {
					users[op.Place][i] = true
				}
				if name == "unregister" && users[op.Place][i] && len(users[op.Place]) > 1 {
					seen[added] = true
				}
			}
		}
	}
	for _, what := range want {
		if !seen[what] {
			t.Errorf("%s is never drawn", what)
		}
	}
}

// TestRefind finds again what designs are known for and no scenario asks about.
func TestRefind(t *testing.T) { drawn.Refind(t, Subjects(), "testdata/drawn.txt") }

// FuzzRepaired and FuzzToday are for go test -fuzz: they decode bytes to programs.
func FuzzRepaired(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &uprobes.ReadpageHookRepaired.Design), first...)
}

func FuzzToday(f *testing.F) {
	drawn.Fuzz(f, drawn.Of(f, Subjects(), &uprobes.Today.Design), first...)
}

// first is what fuzzing begins with.
var first = []string{
	"t0: register 0\nt1: mmap 0, execute 0\n",
	"world: disk=1 readahead=2\nt0: register 0, unregister 0\nt1: mmap 1, fault 1, execute 1\nt2: reclaim\nschedule: 9>1 4>2\n",
	"world: io-errors=1\nt0: mmap 0, register 0, execute 0\nt1: truncate 1, fork 0\nschedule: 20>1\n",
}

// capture checks a property that is expected to fail, and says whether it did.
func capture(t *testing.T, property func(*rapid.T)) bool {
	c := &captured{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(c, property)
	}()
	<-done
	return c.failed
}

// captured is a test whose failure is what was asked for.
type captured struct {
	*testing.T
	failed bool
}

func (c *captured) Errorf(string, ...any) { c.failed = true }
func (c *captured) Error(...any)          { c.failed = true }
func (c *captured) Fail()                 { c.failed = true }
func (c *captured) Failed() bool          { return c.failed }
func (c *captured) FailNow()              { c.failed = true; runtime.Goexit() }
func (c *captured) Fatalf(string, ...any) { c.FailNow() }
func (c *captured) Fatal(...any)          { c.FailNow() }
