package markers

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/markers"
	"trapline/sim"
	"trapline/sim/laws"
)

func TestMain(m *testing.M) { laws.Main(m) }

// operation is one call of a drawn program: of a probe, or of the module.
type operation struct {
	verb  string
	probe int
}

func (o operation) String() string { return fmt.Sprintf("%s(%d)", o.verb, o.probe) }

// lifecycle is a drawn program: what there is, what each task does, whether memory may
// run out, and the schedule.
type lifecycle struct {
	scarce   bool
	before   int // how many probes are connected when it begins
	tasks    [][]operation
	schedule []preemption
}

// preemption lets another task take a step: the one that is so many places behind the
// running one.
type preemption struct{ step, task int }

func (l lifecycle) String() string {
	var b strings.Builder
	for i, t := range l.tasks {
		fmt.Fprintf(&b, "t%d: %v\n", i, t)
	}
	fmt.Fprintf(&b, "schedule: %v, connected before: %d, memory may run out: %t", l.schedule, l.before, l.scarce)
	return b.String()
}

var verbs = []string{"register", "unregister", "hit", "hit", "hit in the module", "load", "unload"}

// places is how many probes there are. Two of them have one function.
const places = 4

// lifecycles draws programs of two to four tasks. A schedule is drawn as the list of its
// preemptions, which shrinks to few of them.
func lifecycles(scarce bool) *rapid.Generator[lifecycle] {
	op := rapid.Custom(func(t *rapid.T) operation {
		return operation{rapid.SampledFrom(verbs).Draw(t, "verb"), rapid.IntRange(0, places-1).Draw(t, "probe")}
	})
	preempt := rapid.Custom(func(t *rapid.T) preemption {
		return preemption{rapid.IntRange(0, 25).Draw(t, "after"), rapid.IntRange(1, 3).Draw(t, "task")}
	})
	return rapid.Custom(func(t *rapid.T) lifecycle {
		l := lifecycle{scarce: scarce, before: rapid.IntRange(0, 3).Draw(t, "before")}
		l.tasks = rapid.SliceOfN(rapid.SliceOfN(op, 1, 5), 2, 4).Draw(t, "tasks")
		l.schedule = rapid.SliceOfN(preempt, 0, 8).Draw(t, "schedule")
		for i := range l.schedule[min(1, len(l.schedule)):] {
			l.schedule[i+1].step += l.schedule[i].step
		}
		return l
	})
}

// following follows the drawn schedule. An allocation fails where it says so, too.
type following struct {
	schedule []preemption
	next     int
}

// Choose takes the way that is drawn for the step.
func (f *following) Choose(_ *sim.Machine, p *sim.Point) int {
	if f.next == len(f.schedule) || p.Step < f.schedule[f.next].step || p.N == 1 {
		return 0
	}
	f.next++
	return f.schedule[f.next-1].task % p.N
}

// Restart begins again, as the machine does when it has learnt something.
func (f *following) Restart() { f.next = 0 }

// run runs the program with the design, and returns what is wrong, or nil. The contract
// is checked as in every scenario, and once more at the end.
func (l *lifecycle) run(d *markers.Design) error {
	m := sim.NewMachine()
	defer m.Close()
	o := m.Record(func(m *sim.Machine) { l.setup(newWorld(m, d, false)) }, &following{schedule: l.schedule})
	switch {
	case o.Violation != nil:
		return o.Violation
	case o.Cut:
		return fmt.Errorf("more than %d steps", m.MaxSteps)
	}
	return nil
}

func (l *lifecycle) setup(w *World) {
	m := w.Marker("event")
	mod := &sim.Module{Grace: func(k *sim.K) { k.SynchronizeSched() }}
	inside := w.MarkerIn(mod, "event")
	f := w.NewFunc("f")
	w.M.AllocMayFail = l.scarce
	var life sim.Mutex // of the module: who uses it holds it
	w.K.MutexInit(&life, "driver")
	busy := make([]sim.Mutex, places) // of the users of one probe
	probes := make([]*Probe, places)
	for i := range probes {
		w.K.MutexInit(&busy[i], fmt.Sprint("user", i))
		if name := fmt.Sprint("p", i); i < 2 {
			probes[i] = w.ProbeWith(m, name, f)
		} else {
			probes[i] = w.Probe(m, name)
		}
		probes[i].Prio = i % 2
		if i < l.before {
			_ = w.Register(w.K, probes[i]) // a marker may have one probe only
		}
	}
	for i, ops := range l.tasks {
		w.Go(fmt.Sprint("t", i), func(k *sim.K) {
			for _, op := range ops {
				p := probes[op.probe]
				switch op.verb {
				case "register", "unregister":
					k.MutexLock(&busy[op.probe])
					if op.verb == "unregister" {
						w.Unregister(k, p)
					} else if !p.active {
						_ = w.Register(k, p)
					}
					k.MutexUnlock(&busy[op.probe])
				case "hit":
					w.TraceEvent(k, m)
				default:
					k.MutexLock(&life)
					switch {
					case op.verb == "load" && !inside.present:
						must(k.LoadModule(&w.Modules, mod, "driver", nil, nil))
					case op.verb == "unload" && inside.present:
						must(k.DeleteModule(mod))
					case op.verb == "hit in the module" && inside.present:
						w.TraceEvent(k, inside)
					}
					k.MutexUnlock(&life)
				}
			}
		})
	}
}

// TestPropertyClean holds designs that are not known to fail to the contract: with
// memory that may run out, those that can do with none.
//
// The longer run is: go test ./scenarios/markers -run PropertyClean -rapid.checks=100000
func TestPropertyClean(t *testing.T) {
	for _, c := range []struct {
		design *markers.Design
		scarce bool
	}{
		{markers.SeveralProbesRepaired, false},
		{markers.SeveralProbesRepaired, true},
		{markers.Tracepoints2010, false},
		{markers.StaticCalls2021, false},
		{markers.StaticCalls2021, true},
	} {
		t.Run(fmt.Sprintf("%s/scarce=%t", c.design.Name, c.scarce), func(t *testing.T) {
			defer more(1000)()
			rapid.Check(t, func(t *rapid.T) {
				l := lifecycles(c.scarce).Draw(t, "program")
				if err := l.run(c.design); err != nil {
					t.Fatalf("%v\n%v", err, l)
				}
			})
		})
	}
}

// TestPropertyFails shows that the contract can fail: on the designs that are known to,
// it does, within so many programs, and with the titles of their scenarios. What 2.6.24
// gets wrong takes three events in the right places, and is not among them.
func TestPropertyFails(t *testing.T) {
	for _, c := range []struct {
		design *markers.Design
		scarce bool
		title  string
		within int
	}{
		{markers.SeveralProbes, false, "WARNING: ODEBUG bug in marker_probe_register", 500},
		{markers.SeveralProbes, false, "WARNING in set_marker", 3000},
		{markers.Markers2008, false, "WARNING in set_marker", 3000},
		{markers.Markers2008, true, "BUG: unable to handle kernel paging request in free_old_closure", 3000},
		{markers.Tracepoints2010, true, "BUG: probe called after unregister in at_rest", 3000},
		{markers.StaticCalls2020, false, "BUG: probe called with the data of another in do_trace", 3000},
		{markers.StaticCalls2020Synced, false, "BUG: probe called with the data of another in do_trace", 3000},
	} {
		t.Run(c.design.Name+"/"+c.title, func(t *testing.T) {
			seen := map[string]int{}
			programs := lifecycles(c.scarce)
			for i := range c.within {
				l := programs.Example(i)
				var v *sim.Violation
				if errors.As(l.run(c.design), &v) {
					seen[v.Title]++
					if v.Title == c.title {
						t.Logf("program %d:\n%v", i+1, l)
						return
					}
				}
			}
			t.Errorf("not within %d programs; there were %v", c.within, seen)
		})
	}
}

// more has rapid draw at least n programs, until the returned function is called.
func more(n int) (restore func()) {
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if was, err := strconv.Atoi(old); err != nil || was < n {
		_ = f.Value.Set(strconv.Itoa(n))
	}
	return func() { _ = f.Value.Set(old) }
}
