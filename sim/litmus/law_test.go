package litmus

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim/memory"
)

// TestSCIsInterleaving holds that under sc a test ends in the states in which some
// interleaving of its tasks ends, and in no others. The interleavings are tried one
// by one, by an interpreter of its own that shares the parser only.
func TestSCIsInterleaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawTest(t)
		test, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		r, err := Run(test, memory.Options{Model: memory.SC})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if want := interleavings(test); !slices.Equal(r.States, want) {
			t.Errorf("%s\ngot\n%s\nwant\n%s", text, strings.Join(r.States, "\n"), strings.Join(want, "\n"))
		}
	})
}

// drawTest draws the text of a test of two or three tasks on two variables and a lock.
func drawTest(t *rapid.T) string {
	n := rapid.IntRange(2, 3).Draw(t, "tasks")
	text, shown := "C t\n{ x=1; }\n", "x; y"
	for i := range n {
		var b strings.Builder
		drawStatements(t, &b, rapid.IntRange(1, 6-n).Draw(t, "statements"), true)
		text += fmt.Sprintf("P%d(int *x, int *y, spinlock_t *l)\n{\nint r0; int r1;\n%s}\n", i, b.String())
		shown += fmt.Sprintf("; %d:r0; %d:r1", i, i)
	}
	return text + "locations [" + shown + "]\nexists (x=1)\n"
}

// drawStatements draws some statements, with locks and branches if nests is true.
func drawStatements(t *rapid.T, b *strings.Builder, n int, nests bool) {
	r := func() string { return rapid.SampledFrom([]string{"r0", "r1"}).Draw(t, "register") }
	v := func() string { return rapid.SampledFrom([]string{"x", "y"}).Draw(t, "variable") }
	c := func() int { return rapid.IntRange(0, 2).Draw(t, "constant") }
	most := 9
	if nests {
		most = 12
	}
	for range n {
		switch k := rapid.IntRange(0, most).Draw(t, "statement"); k {
		case 0:
			fmt.Fprintf(b, "%s = READ_ONCE(*%s);\n", r(), v())
		case 1:
			fmt.Fprintf(b, "WRITE_ONCE(*%s, %d);\n", v(), c())
		case 2:
			fmt.Fprintf(b, "WRITE_ONCE(*%s, %s + %d);\n", v(), r(), c())
		case 3:
			fmt.Fprintf(b, "%s = xchg_relaxed(%s, %s);\n", r(), v(), r())
		case 4:
			fmt.Fprintf(b, "%s = cmpxchg(%s, %d, %s);\n", r(), v(), c(), r())
		case 5:
			fmt.Fprintf(b, "atomic_inc(%s);\n", v())
		case 6:
			fmt.Fprintf(b, "%s = atomic_fetch_add_release(%d, %s);\n", r(), c(), v())
		case 7:
			fmt.Fprintf(b, "*%s = %s ^ %d;\n", v(), r(), c())
		case 8:
			fmt.Fprintf(b, "%s = *%s == %s;\n", r(), v(), r())
		case 9:
			fmt.Fprintf(b, "smp_mb();\n%s = atomic_add_unless(%s, %d, %d);\n", r(), v(), c(), c())
		case 10:
			fmt.Fprintf(b, "if (%s == %d) {\n", r(), c())
			drawStatements(t, b, 1, false)
			b.WriteString("} else {\n")
			drawStatements(t, b, 1, false)
			b.WriteString("}\n")
		default:
			b.WriteString("spin_lock(l);\n")
			drawStatements(t, b, rapid.IntRange(1, 2).Draw(t, "section"), false)
			b.WriteString("spin_unlock(l);\n")
		}
	}
}

// interleavings returns the final states of all interleavings.
func interleavings(t *Test) []string {
	seen := states{keys: map[string]bool{}}
	for path := []int{}; path != nil; {
		path = runInterleaving(t, path, &seen)
	}
	return seen.sorted(t)
}

// runInterleaving runs the tasks, one access of one of them at a time. Which task is
// next is the path's to say as far as it goes, each number among those that can go on.
// It returns the path of the next interleaving, or nil.
func runInterleaving(t *Test, path []int, seen *states) []int {
	mem := make([]int64, t.globals.locations)
	for l, v := range t.globals.init {
		mem[l] = v
	}
	var tasks []*interpreter
	for _, p := range t.processes {
		tasks = append(tasks, newInterpreter(p, mem))
	}
	var choices []int // how many tasks could have gone on
	for {
		var ready []*interpreter
		for _, i := range tasks {
			if !i.done && (i.lock == nil || *i.lock == 0) {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			break
		}
		if len(path) == len(choices) {
			path = append(path, 0)
		}
		ready[path[len(choices)]].step()
		choices = append(choices, len(ready))
	}
	end := &final{mem: mem}
	for i, task := range tasks {
		if !task.done {
			panic("litmus: a drawn test deadlocks")
		}
		var regs []int64
		for _, o := range t.processes[i].observed {
			regs = append(regs, task.regs[o.register])
		}
		end.regs = append(end.regs, regs)
	}
	seen.add(t.shown, end)
	for i := len(path) - 1; i >= 0; i-- {
		if path[i]+1 < choices[i] {
			return append(path[:i:i], path[i]+1)
		}
	}
	return nil
}

// interpreter runs one task as a coroutine that stops before each access.
type interpreter struct {
	mem, regs []int64
	lock      *int64 // that it is about to take
	done      bool
	next      func() (struct{}, bool)
	yield     func(struct{}) bool
}

func newInterpreter(p *process, mem []int64) *interpreter {
	i := &interpreter{mem: mem, regs: make([]int64, len(p.names))}
	for _, r := range p.initial {
		i.regs[r.register] = r.value
	}
	i.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		i.yield = yield
		i.run(p.body)
	})
	i.step() // up to the first access
	return i
}

// step runs the task to its next access, or to its end.
func (i *interpreter) step() { _, ok := i.next(); i.done = !ok }

// at is the location of an address, once it is this task's turn.
func (i *interpreter) at(address int64) *int64 {
	l, _ := memory.Loc(address)
	i.yield(struct{}{})
	return &i.mem[l]
}

func (i *interpreter) run(s stmt) {
	switch s := s.(type) {
	case nil:
	case *block:
		for _, s := range s.list {
			i.run(s)
		}
	case *choice:
		if i.value(s.cond) != 0 {
			i.run(s.then)
		} else {
			i.run(s.alt)
		}
	case *assign:
		i.regs[s.register] = i.value(s.value)
	case *store:
		v := i.value(s.value)
		*i.at(i.value(s.address)) = v
	case *evaluate:
		i.value(s.value)
	default:
		panic(fmt.Sprintf("litmus: not drawn: %T", s))
	}
}

func (i *interpreter) value(x expr) int64 {
	switch x := x.(type) {
	case *constant:
		return x.value
	case *register:
		return i.regs[x.register]
	case *load:
		return *i.at(i.value(x.address))
	case *binary:
		a, b := i.value(x.x), i.value(x.y)
		switch x.op {
		case "+":
			return a + b
		case "^":
			return a ^ b
		case "==":
			return truth(a == b)
		}
	case *call:
		return i.call(x)
	}
	panic(fmt.Sprintf("litmus: not drawn: %T", x))
}

func (i *interpreter) call(c *call) int64 {
	var a []int64
	for _, x := range c.args {
		a = append(a, i.value(x))
	}
	switch c.macro.name {
	case "READ_ONCE":
		return *i.at(a[0])
	case "WRITE_ONCE":
		*i.at(a[0]) = a[1]
	case "xchg_relaxed":
		p := i.at(a[0])
		old := *p
		*p = a[1]
		return old
	case "cmpxchg":
		p := i.at(a[0])
		old := *p
		if old == a[1] {
			*p = a[2]
		}
		return old
	case "atomic_inc":
		*i.at(a[0])++
	case "atomic_fetch_add_release":
		p := i.at(a[1])
		*p += a[0]
		return *p - a[0]
	case "atomic_add_unless":
		p := i.at(a[0])
		if *p == a[2] {
			return 0
		}
		*p += a[1]
		return 1
	case "spin_lock":
		l, _ := memory.Loc(a[0])
		i.lock = &i.mem[l]
		*i.at(a[0]) = 1
		i.lock = nil
	case "spin_unlock":
		*i.at(a[0]) = 0
	case "smp_mb":
	default:
		panic("litmus: not drawn: " + c.macro.name)
	}
	return 0
}
