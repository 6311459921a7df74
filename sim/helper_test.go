package sim_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/sim"
	"trapline/sim/explore"
)

// update writes the golden files anew: go test ./sim -update
var update = flag.Bool("update", false, "write the golden files")

// world is what the tasks of the small programs of these tests share.
type world struct {
	a, b, c sim.Mutex
	spin    sim.SpinLock
	other   sim.SpinLock
	sem     sim.RWSem
	done    sim.Completion
	queue   sim.WaitQueue
	x, y    sim.Word[int]
	data    sim.Cell[int]
	life    sim.Life // of in, inLock and inData
	in      sim.Word[int]
	inLock  sim.Mutex
	inData  sim.Cell[int]
	seen    [4]int // what the tasks have to tell
}

func newWorld(k *sim.K) *world {
	w := &world{}
	k.MutexInit(&w.a, "a")
	k.MutexInit(&w.b, "b")
	k.MutexInit(&w.c, "c")
	k.SpinLockInit(&w.spin, "spin")
	k.SpinLockInit(&w.other, "other")
	k.InitRWSem(&w.sem, "sem")
	k.InitCompletion(&w.done, "done")
	k.InitWaitqueueHead(&w.queue, "queue")
	w.x.Init(k, "x", 0)
	w.y.Init(k, "y", 0)
	w.data.Init(k, "data")
	k.Born(&w.life, "life")
	w.in.Init(k, "in", 0)
	w.in.In(&w.life)
	k.MutexInit(&w.inLock, "in_lock")
	w.inLock.In(&w.life)
	w.inData.Init(k, "in_data")
	w.inData.In(&w.life)
	return w
}

// task is what one task of a small program does.
type task func(k *sim.K, w *world)

// program is a program of tasks t0, t1, ..., whose end states go to observe.
func program(tasks []task, observe func(w *world)) sim.Program {
	return func(m *sim.Machine) {
		w := newWorld(m.Setup())
		for i, f := range tasks {
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { f(k, w) })
		}
		if observe != nil {
			m.After(func(*sim.K) { observe(w) })
		}
	}
}

// search runs a program through every interleaving, each of them twice.
func search(t *testing.T, p sim.Program) *explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), p, explore.Options{SelfCheck: true})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete {
		t.Fatal(r.Coverage())
	}
	return r
}

// ends is the set of end states of a program that breaks no rule, each as what
// show says of it, in order.
func ends(t *testing.T, show func(w *world) string, tasks ...task) []string {
	t.Helper()
	var all []string
	r := search(t, program(tasks, func(w *world) { all = append(all, show(w)) }))
	for _, f := range r.Findings {
		t.Errorf("%s, schedule %s", f.Violation, f.Schedule)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// wantEnds holds a program to its end states.
func wantEnds(t *testing.T, show func(w *world) string, want []string, tasks ...task) {
	t.Helper()
	if got := ends(t, show, tasks...); !slices.Equal(got, want) {
		t.Errorf("the end states are %q, want %q", got, want)
	}
}

// seen shows what the first n tasks have noted.
func seen(n int) func(w *world) string {
	return func(w *world) string { return strings.Trim(fmt.Sprint(w.seen[:n]), "[]") }
}

// planted is a program with a bug that breaks one rule, or a legal one that
// looks like it.
type planted struct {
	name  string
	want  sim.Kind // none if the program is legal
	tasks []task
	order []string // claimed
}

// try holds each program to the rule that it breaks in some interleaving: that
// one, and no other.
func try(t *testing.T, cases []planted) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := program(c.tasks, nil)
			r := search(t, func(m *sim.Machine) {
				m.ClaimOrder(c.order)
				p(m)
			})
			if len(r.Findings) == 0 && c.want != (sim.Kind{}) {
				t.Errorf("no rule is broken, want %s; %s", c.want.Name, r.Coverage())
			}
			for _, f := range r.Findings {
				if f.Violation.Kind != c.want {
					t.Errorf("%s (%s), want %q; schedule %s", f.Violation, f.Violation.Kind.Name, c.want.Name, f.Schedule)
				}
				if !strings.HasPrefix(f.Violation.Title, c.want.Class) || !strings.Contains(f.Violation.Title, " in ") {
					t.Errorf("the title %q is not %q in a function", f.Violation.Title, c.want.Class)
				}
			}
		})
	}
}

// undisturbed records the execution of a machine left alone.
func undisturbed(t *testing.T, p sim.Program) sim.Outcome {
	t.Helper()
	m := sim.NewMachine()
	defer m.Close()
	return m.Record(p, sim.Undisturbed)
}

// kindOf is the rule that an execution has broken, none if it broke none.
func kindOf(o sim.Outcome) sim.Kind {
	if o.Violation == nil {
		return sim.Kind{}
	}
	return o.Violation.Kind
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
