package explore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trapline/sim"
	"trapline/sim/explore"
)

// The programs over counters and flags, of which only some steps commute. The
// verbs of quietCounts break no rule.
var (
	quietCounts = []string{
		"inc", "inc", "dec", "add", "or", "xor", "set", "read", "inc_return", "cmpxchg", "inc_not_zero", "if",
		"this_cpu_inc", "sum", "set_bit", "test_and_set_bit", "test_bit", "refcount_read", "refcount_inc_not_zero", "get_put",
	}
	wildCounts = append([]string{
		"refcount_inc", "refcount_inc", "refcount_add", "refcount_dec", "put", "cell_set", "cell_get",
		"set_bit_plain", "slot_get", "slot_set", "field_set", "field_get",
	}, quietCounts...)
)

// counts is what the tasks of these programs share.
type counts struct {
	a     [2]sim.AtomicInt
	refs  sim.Refcount
	hits  sim.PerCPUInt[int]
	flags sim.Flags
	field sim.Bitfield
	cell  sim.Cell[int]
	log   map[string][]int // by task, what it has seen
}

var _ = sim.Plumbing("count_act", "count_acts")

// countProgram makes a program for the machine that calls observe with every end
// state that broke no rule.
func countProgram(p program, observe func(end string)) sim.Program {
	return func(m *sim.Machine) {
		w, k := &counts{log: map[string][]int{}}, m.Setup()
		w.a[0].Init(k, "a", 0)
		w.a[1].Init(k, "b", 1)
		w.refs.Init(k, "refs", 1)
		w.hits.Init(k, "hits", len(p))
		w.flags.Init(k, "flags", 0)
		w.field.Init(k, "fields")
		w.cell.Init(k, "cell")
		for i, acts := range p {
			body := []func(*sim.K, *counts, []act){c0, c1, c2}[i]
			m.Go(fmt.Sprint("t", i), func(k *sim.K) { body(k, w, acts) })
		}
		m.After(func(*sim.K) {
			var b strings.Builder
			fmt.Fprint(&b, w.a[0].Peek(), w.a[1].Peek(), w.refs.Peek(), w.flags.Peek(), w.field.Peek(sim.Bits{Width: 8}), w.cell.Peek())
			for cpu := range w.hits.CPUs() {
				fmt.Fprint(&b, " ", w.hits.Ptr(cpu).Peek())
			}
			fmt.Fprint(&b, " ", w.log)
			observe(b.String())
		})
	}
}

// c0, c1 and c2 stand on the stacks of the tasks, so that titles name the task.
func c0(k *sim.K, w *counts, acts []act) { w.countActs(k, acts) }
func c1(k *sim.K, w *counts, acts []act) { w.countActs(k, acts) }
func c2(k *sim.K, w *counts, acts []act) { w.countActs(k, acts) }

func (w *counts) countActs(k *sim.K, acts []act) {
	for _, a := range acts {
		w.countAct(k, a)
	}
}

func (w *counts) countAct(k *sim.K, act act) {
	a := &w.a[act.which]
	field := sim.Bits{Shift: 4 * act.which, Width: 4}
	saw := func(v int) { w.log[k.Name()] = append(w.log[k.Name()], v) }
	truth := func(b bool) {
		if b {
			saw(1)
		} else {
			saw(0)
		}
	}
	switch act.verb {
	case "inc":
		a.Inc(k)
	case "dec":
		a.Dec(k)
	case "add":
		a.Add(k, 3)
	case "or":
		a.Or(k, 5)
	case "xor":
		a.Xor(k, 6)
	case "set":
		a.Set(k, 2)
	case "read":
		saw(int(a.Read(k)))
	case "inc_return":
		saw(int(a.IncReturn(k)))
	case "cmpxchg":
		saw(int(a.Cmpxchg(k, 1, 4)))
	case "inc_not_zero":
		truth(a.IncNotZero(k))
	case "if":
		if a.Read(k) > 1 {
			w.countActs(k, act.body)
		}
	case "this_cpu_inc":
		w.hits.Inc(k)
	case "sum":
		saw(w.hits.Sum(k))
	case "slot_get":
		saw(w.hits.Ptr(act.which).Get(k))
	case "slot_set":
		w.hits.Ptr(act.which).Set(k, 7)
	case "set_bit":
		k.SetBit(act.which, &w.flags)
	case "test_and_set_bit":
		truth(k.TestAndSetBit(act.which, &w.flags))
	case "test_bit":
		truth(k.TestBit(act.which, &w.flags))
	case "set_bit_plain":
		k.SetBitNonatomic(2+act.which, &w.flags)
	case "field_set":
		w.field.Set(k, field, 9)
	case "field_get":
		saw(int(w.field.Get(k, field)))
	case "refcount_read":
		saw(int(k.RefcountRead(&w.refs)))
	case "refcount_inc":
		k.RefcountInc(&w.refs)
	case "refcount_add":
		k.RefcountAdd(2, &w.refs)
	case "refcount_dec":
		k.RefcountDec(&w.refs)
	case "put":
		truth(k.RefcountDecAndTest(&w.refs))
	case "refcount_inc_not_zero":
		truth(k.RefcountIncNotZero(&w.refs))
	case "get_put":
		if k.RefcountIncNotZero(&w.refs) {
			k.RefcountInc(&w.refs)
			k.RefcountSubAndTest(2, &w.refs)
		}
	case "cell_set":
		w.cell.Set(k, 1)
	case "cell_get":
		saw(w.cell.Get(k))
	default:
		panic("no verb " + act.verb)
	}
}

// reached is what a search has seen of a program over counters: its end states,
// and the titles of the rules that it broke.
type reached struct {
	ends, titles map[string]bool
	executions   int
}

// reachedByAll visits every execution, unless there are more than the given
// number.
func reachedByAll(p program, most int) (*reached, bool) {
	m, second := sim.NewMachine(), sim.NewMachine()
	defer m.Close()
	defer second.Close()
	r := &reached{ends: map[string]bool{}, titles: map[string]bool{}}
	program := countProgram(p, func(end string) { r.ends[end] = true })
	known := map[uint64]bool{}
	for s := new(every); ; {
		o := m.Run(program, s)
		r.executions++
		if v := o.Violation; v != nil && (!known[v.Key] || v.Kind == sim.DataRace) {
			known[v.Key] = true
			r.titles[second.Record(program, sim.NewReplay(m.Schedule())).Violation.Title] = true
		}
		if !s.next() {
			return r, true
		}
		if r.executions >= most {
			return nil, false
		}
	}
}

func reachedBy(t rapid.TB, p program, o explore.Options) *reached {
	t.Helper()
	r := &reached{ends: map[string]bool{}, titles: map[string]bool{}}
	result, err := explore.Run(context.Background(), countProgram(p, func(end string) { r.ends[end] = true }), o)
	if err != nil || !result.Complete {
		t.Fatalf("%v; %s%v", err, result.Coverage(), p)
	}
	for _, f := range result.Findings {
		r.titles[f.Violation.Title] = true
	}
	r.executions = result.Executions + result.Blocked
	return r
}

func commuting(m *sim.Machine) { m.CommuteRMW = true }

// Whether or not additions commute, a program over counters reaches the same end
// states and breaks the same rules: those that a search without any reduction
// finds. If it breaks none, the search never takes more executions with the
// option than without it.
//
// One difference is meant. An addition that commutes gives no order to plain
// accesses after another one, so that what is a data race in one order of two
// additions is one in every order, and hides what came after it in the other.
func TestCommutingAdditionsLoseNothing(t *testing.T) {
	fewer := 0
	for _, verbs := range [][]string{quietCounts, wildCounts} {
		rapid.Check(t, func(rt *rapid.T) {
			p := programs(verbs).Draw(rt, "program")
			want, ok := reachedByAll(p, mostExecutions)
			if !ok {
				return
			}
			var counts []int
			for _, setup := range []func(*sim.Machine){nil, commuting} {
				for _, o := range []explore.Options{
					{Setup: setup, SelfCheck: true},
					{Setup: setup, Strategy: explore.Bounded, Preemptions: 12, MinimiseExecutions: 1},
				} {
					got := reachedBy(rt, p, o)
					same := maps.Equal[map[string]bool, map[string]bool]
					if setup != nil && races(want.titles) {
						same = within
						if !races(got.titles) {
							rt.Errorf("%s finds no race%v", o.Strategy, p)
						}
					}
					if !same(got.titles, want.titles) {
						rt.Errorf("%s breaks %v, want %v (commuting: %t)%v", o.Strategy, keys(got.titles), keys(want.titles), setup != nil, p)
					}
					if !same(got.ends, want.ends) {
						rt.Errorf("%s ends in %v, want %v (commuting: %t)%v", o.Strategy, keys(got.ends), keys(want.ends), setup != nil, p)
					}
					if o.Strategy == "" {
						counts = append(counts, got.executions)
					}
				}
			}
			if len(want.titles) == 0 && counts[1] > counts[0] {
				rt.Errorf("%d executions, and %d where additions commute%v", counts[0], counts[1], p)
			}
			if counts[1] < counts[0] {
				fewer++
			}
		})
	}
	if fewer == 0 {
		t.Error("no program took fewer executions where additions commute")
	}
}

// races says whether one of the titles is that of a data race.
func races(titles map[string]bool) bool {
	return slices.ContainsFunc(keys(titles), func(title string) bool { return strings.HasPrefix(title, sim.DataRace.Class) })
}

// within says whether every member of a is one of b.
func within(a, b map[string]bool) bool {
	for m := range a {
		if !b[m] {
			return false
		}
	}
	return true
}

func keys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
