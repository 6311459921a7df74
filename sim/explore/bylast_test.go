package explore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// puts is a program of tasks that drop references to two things, whoever is last
// of them does away with the thing, and look at these and at two words.
type puts struct {
	tasks [][]put
	kept  [2]int // references that nobody drops
	// ordered makes those who drop references conflict.
	ordered bool
}

type put struct {
	verb  string
	which int
}

var putVerbs = []string{"put", "put", "put", "set_and_put", "both", "look", "read", "set"}

func putPrograms() *rapid.Generator[puts] {
	return rapid.Custom(func(t *rapid.T) puts {
		p := puts{tasks: make([][]put, rapid.IntRange(2, 4).Draw(t, "tasks"))}
		for i := range p.tasks {
			p.tasks[i] = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) put {
				return put{rapid.SampledFrom(putVerbs).Draw(t, "verb"), rapid.IntRange(0, 1).Draw(t, "which")}
			}), 1, 5-len(p.tasks)/2).Draw(t, "acts")
		}
		if rapid.IntRange(0, 3).Draw(t, "kept") == 0 {
			p.kept[1] = 1
		}
		return p
	})
}

func (p puts) String() string {
	var b strings.Builder
	for i, acts := range p.tasks {
		fmt.Fprintf(&b, "\nt%d:", i)
		for _, a := range acts {
			fmt.Fprintf(&b, " %s(%d)", a.verb, a.which)
		}
	}
	return b.String() + fmt.Sprint("\nkept: ", p.kept)
}

// thing is what goes away with its last reference.
type thing struct {
	count, there sim.Object
	refs         int
	gone         bool
}

var (
	opDrop  = sim.NewOp("put(&%s)")
	opSee   = sim.NewOp("look(&%s)")
	opPaint = sim.NewOp("mark(&%s)")
)

func (x *thing) put(k *sim.K) {
	x.refs--
	if x.refs == 0 {
		k.AsLast(&x.count, func() {
			k.Touch(&x.there, sim.Write)
			x.gone = true
		})
	}
}

func (p puts) program(_ bool, observe func(string)) sim.Program {
	return func(m *sim.Machine) {
		k := m.Setup()
		var things [2]thing
		var words [2]sim.Object
		drops := sim.Add
		if p.ordered {
			drops = sim.Write
		}
		values, log := [2]int{}, make([]string, len(p.tasks))
		for i := range things {
			things[i].refs = p.kept[i]
			things[i].count.Init(k, fmt.Sprint("count", i))
			things[i].there.Init(k, fmt.Sprint("thing", i))
			words[i].Init(k, fmt.Sprint("word", i))
		}
		for i, acts := range p.tasks {
			for _, a := range acts {
				switch a.verb {
				case "both":
					things[0].refs++
					things[1].refs++
				case "put", "set_and_put":
					things[a.which].refs++
				}
			}
			m.Go(fmt.Sprint("t", i), func(k *sim.K) {
				saw := func(v any) { log[i] += fmt.Sprint(v, " ") }
				for n, a := range acts {
					x := &things[a.which]
					switch a.verb {
					case "put":
						k.Step(opDrop, &x.count, drops)
						x.put(k)
					case "both":
						k.Step(opDrop, &x.count, drops)
						x.put(k)
						y := &things[1-a.which]
						k.Touch(&y.count, drops)
						y.put(k)
					case "set_and_put":
						k.Step(opPaint, &words[a.which], sim.Write)
						values[a.which] = 10*i + n
						k.Touch(&x.count, drops)
						x.put(k)
					case "look":
						k.Step(opSee, &x.there, sim.Read)
						k.Machine().Fold(uint64(len(fmt.Sprint(x.gone))))
						saw(x.gone)
					case "read":
						k.Step(opSee, &words[a.which], sim.Read)
						k.Machine().Fold(uint64(values[a.which]))
						saw(values[a.which])
					case "set":
						k.Step(opPaint, &words[a.which], sim.Write)
						values[a.which] = 10*i + n
					}
				}
			})
		}
		m.After(func(*sim.K) { observe(fmt.Sprint(log, values, things[0].gone, things[1].gone)) })
	}
}

// guarded says that whoever looks at a thing drops a reference to it later.
func (p puts) guarded() bool {
	for _, acts := range p.tasks {
		for n, a := range acts {
			if a.verb == "look" && !slices.ContainsFunc(acts[n:], func(b put) bool {
				return b.verb == "both" || strings.HasSuffix(b.verb, "put") && b.which == a.which
			}) {
				return false
			}
		}
	}
	return true
}

// Who drops the last reference is no matter where those who look at the thing have one
// themselves: the search takes as many executions as if nobody dropped it. Where somebody
// has none, it matters whether he looked before or after, and nothing is missed.
func TestWhoComesLastIsNoMatter(t *testing.T) {
	guarded, open := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := putPrograms().Draw(rt, "program")
		want, ok := all(p, true, mostExecutions)
		if !ok {
			return
		}
		got := run(rt, p, true, explore.Options{SelfCheck: true})
		wantSet(rt, "ends", got.ends, want.ends, p)
		if got.Blocked > 0 {
			rt.Errorf("%s%v", got.Coverage(), p)
		}
		if p.guarded() {
			p.kept = [2]int{1, 1}
			if never, _ := all(p, true, mostExecutions); got.Executions != len(never.traces) {
				rt.Errorf("%s, and there are %d traces if nobody is last%v", got.Coverage(), len(never.traces), p)
			}
			guarded++
		} else {
			p.ordered = true
			if ordered, _ := all(p, true, mostExecutions); got.Executions > len(ordered.traces) {
				rt.Errorf("%s, and there are %d traces if it matters who is last%v", got.Coverage(), len(ordered.traces), p)
			}
			open++
		}
		independent(rt, p.program(true, func(string) {}), 5)
	})
	if guarded < 10 || open < 10 {
		t.Errorf("%d programs in which all who look have a reference, %d others", guarded, open)
	}
}
